"""A run that is stopped goes on as if it had not been (one that is killed: tests/faults)."""

from __future__ import annotations

import pytest
import torch
import yaml
from marks import needs_procgen
from oracles.directional import Directional
from small_runs import assert_same_run, config, game, interrupt, stop_after

from rtrl_bench.cli import main
from rtrl_bench.experiments import execute
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.settings import to_dict


@needs_procgen
def test_an_interrupted_procgen_run_resumes_bit_for_bit(tmp_path, monkeypatch):
    _assert_resumes_bit_for_bit(game("chaser"), tmp_path, monkeypatch)


def test_a_run_whose_stem_keeps_statistics_resumes_bit_for_bit(tmp_path, monkeypatch):
    _assert_resumes_bit_for_bit(game("rooms_watermaze", vision="colours", env_steps=150), tmp_path, monkeypatch)


def _assert_resumes_bit_for_bit(settings, folder, monkeypatch):
    execute(settings, folder / "whole")
    interrupt(settings, folder / "cut", monkeypatch, 11)
    assert execute(settings, folder / "cut")["exact_resume"]
    assert_same_run(folder / "whole", folder / "cut")


def test_a_resumed_atari_run_says_that_it_began_new_games(tmp_path, monkeypatch, capsys):
    settings = game("breakout", env_steps=100)
    interrupt(settings, tmp_path, monkeypatch, 3)
    record = execute(settings, tmp_path)
    assert "this simulator cannot be restored" in capsys.readouterr().err
    assert not record["exact_resume"]
    assert record["env_steps"] == 100


@pytest.mark.parametrize(
    ("method", "updates"),
    [
        ({}, 1),
        ({}, 7),
        ({"cell": "rtu", "retention": 20.0}, 7),
        ({"gradient": "tbptt", "window": 12}, 7),
        ({"gradient": "tbptt", "window": "episode"}, 1),
        ({"cell": "lstm", "gradient": "tbptt"}, 7),
        ({"cell": "none", "gradient": "tbptt"}, 7),
    ],
)
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path, monkeypatch, method, updates):
    execute(config(**method), tmp_path / "whole")
    interrupt(config(**method), tmp_path / "cut", monkeypatch, updates)
    assert not (tmp_path / "cut" / "run.json").exists()
    record = execute(config(**method), tmp_path / "cut")
    assert record["resumes"] == 1
    assert record["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_run_whose_method_draws_random_numbers_resumes_bit_for_bit(tmp_path, monkeypatch):
    assert set(GRADIENTS)  # all that have a file of their own are loaded by now
    monkeypatch.setitem(GRADIENTS._things, "directional", Directional)
    _assert_resumes_bit_for_bit(config(gradient="directional"), tmp_path, monkeypatch)


def test_sigterm_ends_the_command_with_143_and_a_checkpoint(tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(config())))
    stop_after(monkeypatch, 3)
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 143
    assert "run the same command to go on" in capsys.readouterr().err
    assert checkpoint.load_newest(tmp_path / "out" / "checkpoint")["counters"]["updates"] == 3


def test_a_signal_in_the_last_update_stops_before_the_evaluation(tmp_path, monkeypatch):
    interrupt(config(), tmp_path, monkeypatch, 20)
    assert not (tmp_path / "evaluation.json").exists()
    record = execute(config(), tmp_path)
    assert (record["resumes"], record["exact_resume"]) == (0, True)  # training was over, only the evaluation was left


@pytest.mark.parametrize("method", [{}, {"deterministic": False}, {"gradient_quality": 4}, {"gradient": "tbptt"}])
def test_a_run_from_another_device_goes_on_and_is_not_called_exact(tmp_path, monkeypatch, capsys, method):
    """A checkpoint as a GPU leaves it: its generator's state has 16 bytes, where the CPU's has thousands."""
    settings = config(**method)
    interrupt(settings, tmp_path, monkeypatch, 5)
    saved = checkpoint.load_newest(tmp_path / "checkpoint")
    saved["processes"][-1]["device"] = saved["generator_device"] = "cuda"
    saved["generator"] = torch.zeros(16, dtype=torch.uint8)
    checkpoint.save(tmp_path / "checkpoint", saved, saved["counters"]["updates"])
    record = execute(settings, tmp_path)
    assert "not bit for bit (other device" in capsys.readouterr().err
    assert (record["exact_resume"], record["env_steps"]) == (False, 400)
    assert [process["device"] for process in record["processes"]] == ["cuda", "cpu"]


def test_going_on_with_other_threads_is_not_called_exact(tmp_path, monkeypatch):
    interrupt(config(), tmp_path, monkeypatch, 5)
    torch.set_num_threads(2)
    try:
        record = execute(config(threads=2), tmp_path)
    finally:
        torch.set_num_threads(1)
    assert not record["exact_resume"]
    assert [p["threads"] for p in record["processes"]] == [1, 2]
