"""The copy task: its data by hand, its training by a small run."""

from __future__ import annotations

import csv
import json

import pytest
import torch

from rtrl_bench.cli import main
from rtrl_bench.errors import ConfigError, NonFiniteLoss
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.sequences import copy_task
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.sequences.copy_data import Patterns, PatternStream, make_patterns, unrolled
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs.settings import build

SMALL = {"max_length": 2, "hidden": 24, "batch": 16, "steps": 1500, "learning_rate": 1e-2, "train_size": 100}
SMALL |= {"valid_size": 50, "test_size": 50, "validations": 15, "threads": 1, "device": "cpu"}


def config(**changes):
    return build(CopyConfig, {**SMALL, "method": "rtrl", **changes})


def test_a_sequence_shows_its_pattern_and_asks_for_it_during_as_many_blanks():
    patterns = Patterns(torch.tensor([3, 1]), torch.tensor([[1, 0, 1], [0, 1, 1]]))
    x, y, asked = unrolled(patterns, torch.tensor([0, 1]))
    assert x.argmax(-1)[:, 0].tolist() == [1, 0, 1, 2, 2, 2]
    assert asked[:, 0].tolist() == [False, False, False, True, True, True]
    assert y[3:, 0].tolist() == [1, 0, 1]
    assert x.argmax(-1)[:2, 1].tolist() == [0, 2]
    assert asked[:, 1].tolist() == [False, True, False, False, False, False]
    assert y[1, 1] == 0


def test_lengths_are_uniform_and_the_data_comes_from_the_seed():
    one, two = (make_patterns(9000, 3, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one.bits, two.bits)
    assert torch.allclose(torch.bincount(one.lengths).float() / 9000, torch.tensor([0, 1 / 3, 1 / 3, 1 / 3]), atol=0.02)


def test_the_stream_plays_whole_sequences_one_after_the_other():
    generator = torch.Generator().manual_seed(0)
    patterns = make_patterns(20, 4, generator)
    stream = PatternStream(patterns, 3, generator)
    finished = 0
    for _ in range(200):
        before = stream.which.clone(), stream.position.clone()
        x, y, asked, starts, count = stream.step()
        finished += count
        for b in range(3):
            which, t = int(before[0][b]), int(before[1][b])
            truth = [part[t, 0] for part in unrolled(patterns, torch.tensor([which]))]
            assert torch.equal(x[b], truth[0])
            assert y[b] == truth[1]
            assert asked[b] == truth[2]
            assert starts[b] == (t == 0)
    assert finished > 30


@pytest.mark.parametrize(
    "method", [{"method": "rtrl"}, {"method": "bptt", "update": "sequence"}, {"method": "tbptt", "unroll": 4}]
)
def test_every_method_learns_to_copy_two_bits(tmp_path, method):
    record = execute(config(**method), tmp_path)
    assert record["test_sequence_accuracy"] == 1.0
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert float(rows[-1]["valid_sequence_accuracy"]) == 1.0
    assert record["updates_to_100"] == int(rows[-1]["step"])
    assert json.loads((tmp_path / "run.json").read_text()) == record


def test_an_untrained_network_copies_almost_nothing():
    training = copy_task.CopyTraining(config(max_length=8), torch.device("cpu"))
    assert training.accuracy(training.test) < 0.3


def test_a_resumed_run_equals_the_whole(tmp_path):
    settings = config(steps=60, validations=6)
    whole = copy_task.CopyTraining(settings, torch.device("cpu"))
    cut = copy_task.CopyTraining(settings, torch.device("cpu"))
    for k in range(60):
        if k == 25:
            state = cut.state()
            cut = copy_task.CopyTraining(settings, torch.device("cpu"))
            cut.restore(state)
        for training in (whole, cut):
            training.update()
            training.validate_if_due()
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), cut.model.parameters()))
    assert [row[:4] for row in whole.curve] == [row[:4] for row in cut.curve]


def test_a_finished_run_is_left_alone_and_another_configuration_refused(tmp_path, capsys):
    settings = config(steps=20, validations=2)
    record = execute(settings, tmp_path)
    assert execute(settings, tmp_path) == record
    assert "already complete" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="run of another configuration"):
        execute(config(steps=20, validations=2, seed=3), tmp_path)
    other = execute(config(steps=20, validations=2, seed=3), tmp_path, restart_if_changed=True)
    assert other["config"]["seed"] == 3
    assert json.loads((tmp_path / f"replaced.{record['fingerprint']}" / "run.json").read_text()) == record


@pytest.mark.parametrize(
    ("value", "message"),
    [(float("inf"), "update 1: its step made a parameter infinite"), (3e38, r"update \d: loss = (inf|nan)")],
)
def test_a_step_that_blows_up_stops_the_run_by_name(tmp_path, monkeypatch, value, message):
    monkeypatch.setattr(Adam, "step", lambda self, rate: [p.data.fill_(value) for p in self.parameters])
    with pytest.raises(NonFiniteLoss, match=message):
        execute(config(), tmp_path)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 0}, "max_length = 0"),
        ({"method": "uoro"}, "method = 'uoro'"),
        ({"unroll": 3}, "unroll = 3"),
        ({"method": "tbptt"}, "method: tbptt needs it"),
        ({"method": "tbptt", "unroll": 3, "update": "sequence"}, "update = sequence"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0"),
        ({"learning_rate": 1e300}, r"learning_rate = 1e\+300: expected a number that float32 holds"),
        ({"adam_beta1": 1.5}, "adam_beta1 = 1.5"),
        ({"lengths": 3}, "unknown key lengths"),
    ],
)
def test_bad_configurations_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        config(**change)


def test_the_command_refuses_a_bad_file_with_code_2(tmp_path, capsys):
    path = tmp_path / "copy.yaml"
    path.write_text("kind: sequences\nmax_length: 3\nmethod: rtrl\nsteps: ten\n")
    assert main(["run", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert f"{path}: steps = 'ten': expected an integer" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_curve_of_another_program_is_not_overwritten(tmp_path):
    (tmp_path / "curve.csv").write_text("theirs")
    with pytest.raises(ConfigError, match=r"holds curve\.csv and no run that made it"):
        execute(config(steps=2), tmp_path)
    assert (tmp_path / "curve.csv").read_text() == "theirs"
