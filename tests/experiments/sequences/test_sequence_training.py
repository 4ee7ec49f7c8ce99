"""Training on sequence tasks, by small runs."""

from __future__ import annotations

import csv
import itertools
import json
from types import SimpleNamespace

import pytest
import torch

from rtrl_bench.cli import main
from rtrl_bench.errors import ConfigError, NonFiniteLoss
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.sequences import training as module
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.tasks import TASKS
from rtrl_bench.experiments.sequences.tasks.copy import Copy
from rtrl_bench.experiments.sequences.training import Training
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs.settings import build

SMALL = {
    "task": "copy",
    "task_options": {"length": 2},
    "hidden": 24,
    "batch": 16,
    "steps": 1500,
    "learning_rate": 1e-2,
    "train_size": 100,
}
SMALL |= {"valid_size": 50, "test_size": 50, "validations": 15, "threads": 1, "device": "cpu"}


def config(**changes):
    return build(SequenceConfig, {**SMALL, **changes})


BPTT = {"gradient": "tbptt", "window": "episode", "update": "sequence"}


@pytest.mark.parametrize(
    "way",
    [
        {},
        BPTT,
        {"gradient": "tbptt", "window": 4},
        {"unroll": 3, "cell": "gru", "gradient": "rtrl_dense"},
        {"curriculum": 0.9},
    ],
)
def test_every_way_of_training_learns_to_copy_two_bits(tmp_path, way):
    record = execute(config(**way), tmp_path)
    assert (record["accuracy"], record["solved"]) == (1.0, True)
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert float(rows[-1]["valid_accuracy"]) == 1.0
    assert record["steps_to_solve"] == record["steps"] == int(rows[-1]["steps"])
    assert json.loads((tmp_path / "run.json").read_text()) == record


def test_a_curriculum_adds_lengths_up_to_the_next_after_those_that_are_right(monkeypatch):
    training = Training(
        config(task_options={"length": 5}, curriculum=0.9, steps=60, validations=60), torch.device("cpu")
    )
    longest = []
    for right_up_to in (0, 2, 2, 8, 4):
        good = training.valid.lengths <= right_up_to
        monkeypatch.setattr(training, "_right", lambda data, good=good: torch.from_numpy(good))
        training.update()
        longest.append(training.stream.longest)
    assert longest == [2, 4, 4, 10, 10]


def test_a_curriculum_starts_with_the_shortest_sequences():
    training = Training(config(task_options={"length": 5}, curriculum=1.0, unroll=20), torch.device("cpu"))
    assert training.stream.segment(20).ended == 16 * 10


def test_a_curriculum_is_refused_where_all_sequences_are_as_long():
    with pytest.raises(
        ConfigError, match=r"curriculum = 0\.9: all sequences of task digits have 64 steps; remove the key"
    ):
        Training(config(task="digits", task_options={}, curriculum=0.9), torch.device("cpu"))


def test_an_untrained_network_copies_almost_nothing():
    training = Training(config(task_options={"length": 8}), torch.device("cpu"))
    assert training.accuracy(training.test) < 0.3


RESUMED = {
    "copy": {"task_options": {"length": 5}, "curriculum": 0.01, "validations": 60},
    "adding": {"task_options": {"length": 10}, "cell": "lstm", "gradient": "uoro", "unroll": 3},
    "reber": {"gradient": "tbptt", "window": 4, "unroll": 2, "gradient_quality": 10},
    "digits": BPTT,
    "recall": {"cell": "lru", "unroll": 2},
    "flipflop": {"layers": 2, "gradient": "rtrl_layerwise", "unroll": 2},
}


@pytest.mark.parametrize("task", list(TASKS))
def test_a_resumed_run_equals_the_whole(task):
    settings = config(**{"task": task, "task_options": {}, "steps": 60, "validations": 6} | RESUMED[task])
    whole, cut = (Training(settings, torch.device("cpu")) for _ in range(2))
    while not whole.finished:
        if cut.updates == 2:
            state = cut.state()
            cut = Training(settings, torch.device("cpu"))
            cut.restore(state)
        for training in (whole, cut):
            training.update()
    assert whole.updates > 3 or task == "digits"
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), cut.model.parameters()))
    assert [row[:5] for row in whole.curve] == [row[:5] for row in cut.curve]
    if whole.quality:
        assert len(whole.quality.rows) == 10 and whole.quality.rows == cut.quality.rows


def test_a_resumed_run_goes_on_counting_its_time():
    training, resumed = (Training(config(), torch.device("cpu")) for _ in range(2))
    training.update()
    resumed.restore(training.state())
    assert resumed.wall_s == training.wall_s > 0


def test_seeds_differ_in_parameters_data_and_order():
    one, other = (Training(config(seed=seed), torch.device("cpu")) for seed in (0, 1))
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not (one.valid.x == other.valid.x).all()
    assert not torch.equal(one.stream.data.x, other.stream.data.x)
    assert not torch.equal(one.stream.which, other.stream.which)


def test_training_validation_and_test_have_the_sequences_that_the_settings_say():
    training = Training(config(valid_size=20, test_size=30), torch.device("cpu"))
    assert [len(each.lengths) for each in (training.stream.data, training.valid, training.test)] == [100, 20, 30]


def test_the_record_of_a_run_that_did_not_solve_its_task_is_of_the_test_sequences(monkeypatch):
    training, seen = Training(config(test_options=[{"length": 1}]), torch.device("cpu")), []
    training.update()
    monkeypatch.setattr(training, "accuracy", lambda data: seen.append(data) or 0.5)
    record = training.result().record
    assert seen[0] is training.test and len(seen) == 2
    assert (record["accuracy"], record["steps_to_solve"], record["parameters"]) == (0.5, None, 937)
    assert record["carried_bytes"] == 4 * 16 * (24 + 240)  # of a slot: the state and two sensitivities of 5 parameters


def test_rows_of_the_curve_are_equally_far_apart_with_the_mean_loss_of_an_update_since_the_last(monkeypatch):
    update = itertools.count(1)

    def numbered(task, outputs, y):
        return 0 * outputs.sum(-1) + next(update)

    monkeypatch.setattr(module, "losses", numbered)
    run = Training(config(task="flipflop", task_options={}, steps=60, unroll=4, validations=6), torch.device("cpu"))
    while not run.finished:
        run.update()
    assert [row[:2] for row in run.curve] == [[12, 3], [20, 5], [32, 8], [40, 10], [52, 13], [60, 15]]
    assert [row[3] for row in run.curve] == pytest.approx([4 * k for k in (2, 4.5, 7, 9.5, 12, 14.5)])


@pytest.fixture
def comparing():
    """A run that compares gradients and clips them."""
    settings = config(task="flipflop", task_options={}, gradient_quality=5, gradient_clip=1e-3)
    return Training(settings, torch.device("cpu"))


def test_the_gradient_is_compared_before_it_is_clipped(comparing, monkeypatch):
    norms = []

    def compare(*arguments):
        norms.append(torch.cat([p.grad.flatten() for p in comparing.model.parameters()]).norm())

    monkeypatch.setattr(comparing.quality, "compare", compare)
    comparing.update()
    assert len(norms) == 1 and norms[0] > 2e-3


def test_comparing_gradients_is_not_training_time(comparing, monkeypatch):
    clock = [0.0]

    def taking(seconds, work=None):
        def slowed(*arguments):
            clock[0] += seconds
            return work(*arguments) if work else None

        return slowed

    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(module, "time_when_done", lambda device: clock[0])
    monkeypatch.setattr(module, "losses", taking(2, module.losses))
    monkeypatch.setattr(comparing.quality, "compare", taking(1000))
    monkeypatch.setattr(comparing.optimiser, "step", taking(1, comparing.optimiser.step))
    comparing.update()
    assert comparing.wall_s == 3


def test_random_paths_are_drawn_on_where_a_run_of_whole_sequences_stopped():
    settings = config(cell="lstm", gradient="random_paths", update="sequence", steps=60)

    def final(stop):
        training = Training(settings, torch.device("cpu"))
        while not training.finished:
            if training.updates == stop:
                state = training.state()
                training = Training(settings, torch.device("cpu"))
                training.restore(state)
                stop = None
            training.update()
        return torch.nn.utils.parameters_to_vector(training.model.parameters())

    assert torch.equal(final(stop=None), final(stop=2))


def test_rtrl_of_a_segment_and_bptt_of_a_sequence_are_found_to_be_exact(tmp_path):
    still = {"learning_rate": 1e-12, "gradient_quality": 5, "steps": 60}
    for method in ({"unroll": 4}, BPTT):
        found = execute(config(**still, **method), tmp_path / str(len(method)))["gradient_quality"]
        assert found["points"] >= 5 and found["cosine_min"] > 1 - 1e-6


def test_further_tests_have_options_of_their_own(tmp_path):
    tested = [{"length": 1}, {"length": 6, "delay": 2}]
    record = execute(config(test_options=tested), tmp_path)
    assert [test["options"] for test in record["tests"]] == tested
    easy, hard = (test["accuracy"] for test in record["tests"])
    assert easy == record["accuracy"] == 1.0
    assert hard < 0.5


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
        ({"update": "sequence", "unroll": 3}, "unroll = 3: with update: sequence there are no segments"),
        ({"update": "sequence", "gradient": "tbptt"}, "window = None: .* use window: episode"),
        ({"gradient": "tbptt", "window": 2, "unroll": 3}, "window = 2: expected at least unroll = 3"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0"),
        ({"learning_rate": 1e300}, r"learning_rate = 1e\+300: expected a number that float32 holds"),
        ({"adam_beta1": 1.5}, "adam_beta1 = 1.5"),
        ({"tasks": 3}, "unknown key tasks"),
    ],
)
def test_bad_configurations_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        config(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "copie"}, "unknown sequence task 'copie': .*did you mean copy"),
        ({"task_options": {"lenght": 3}}, "task_options of task copy: unknown key lenght"),
        ({"test_options": [{"length": 0}]}, "task_options of task copy: length = 0"),
        ({"cell": "lstm"}, "exact RTRL at this cost needs an element-wise cell, not LSTM"),
        ({"gradient": "snap", "gradient_options": {"m": 1}}, "gradient_options.m = 1"),
    ],
)
def test_names_and_options_that_do_not_fit_are_refused_before_a_run(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        execute(config(**change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_further_test_that_would_ask_for_nothing_is_refused_before_a_run(tmp_path, monkeypatch):
    def silent_if_long(self, count, random):
        found = drawn(self, count, random)
        return found._replace(asked=found.asked & (self.options.length < 9))

    drawn = Copy.sequences
    monkeypatch.setattr(Copy, "sequences", silent_if_long)
    with pytest.raises(ConfigError, match=r"'length': 9.*: 1 of 1 sequences ask for no answer"):
        execute(config(test_options=[{"length": 9}]), tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_command_refuses_a_bad_file_with_code_2(tmp_path, capsys):
    path = tmp_path / "copy.yaml"
    path.write_text("kind: sequences\ntask: copy\nsteps: ten\n")
    assert main(["run", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert f"{path}: steps = 'ten': expected an integer" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_curve_of_another_program_is_not_overwritten(tmp_path):
    (tmp_path / "curve.csv").write_text("theirs")
    with pytest.raises(ConfigError, match=r"holds curve\.csv and no run that made it"):
        execute(config(steps=2), tmp_path)
    assert (tmp_path / "curve.csv").read_text() == "theirs"
