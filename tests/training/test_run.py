"""A run from its configuration to its records, over kills, and what it refuses."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from marks import needs_procgen

from rtrl_bench.agent.r2ac import NonFiniteLoss
from rtrl_bench.cli import main
from rtrl_bench.config import ConfigError, from_dict, to_dict
from rtrl_bench.training import checkpoint, records, run
from rtrl_bench.training.loop import Training
from rtrl_bench.training.signals import Interrupted

TIMES = ("wall_s", "steps_per_s")


def config(**changes):
    base = {
        "environment": "tmaze",
        "environment_options": {"delay": 3},
        "env_steps": 400,
        "vision": "flat",
        "hidden": 8,
        "unroll": 5,
        "batch": 4,
        "log_points": 10,
        "evaluation": {"sets": 2, "episodes": 3},
        "threads": 1,
        "device": "cpu",
    }
    return from_dict({**base, **changes})


def curve(folder):
    rows = list(csv.DictReader((folder / "curve.csv").open()))
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def parameters(folder):
    return checkpoint.load_newest(folder / "checkpoint")["network"]


def assert_same_run(one, other):
    assert curve(one) == curve(other)
    assert json.loads((one / "evaluation.json").read_text()) == json.loads((other / "evaluation.json").read_text())
    expected = parameters(other)
    assert all(torch.equal(p, expected[name]) for name, p in parameters(one).items())


def stop_after(monkeypatch, updates):
    """Send this process SIGTERM when a run has made `updates` updates."""
    original = Training.update

    def update(self):
        original(self)
        if self.counters.updates == updates:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Training, "update", update)


def test_a_run_writes_all_its_records(tmp_path):
    record = run.train(config(), tmp_path)
    assert {p.name for p in tmp_path.iterdir() if p.name != ".lock"} == {
        "config.yaml",
        "curve.csv",
        "evaluation.json",
        "run.json",
        "checkpoint",
    }
    assert record["env_steps"] == 400
    assert record["updates"] == 20
    assert [int(row["updates"]) for row in curve(tmp_path)] == list(range(2, 21, 2))
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    assert [len(s["returns"]) for s in evaluation["sets"]] == [3, 3]
    assert record["evaluation"]["mean"] == pytest.approx(sum(sum(s["returns"]) for s in evaluation["sets"]) / 6)
    assert json.loads((tmp_path / "run.json").read_text()) == record


@pytest.mark.parametrize(
    "method",
    [
        {},
        {"gradient": "tbptt", "window": "episode"},
        {"cell": "lstm", "gradient": "tbptt"},
        {"cell": "none", "gradient": "tbptt"},
    ],
)
def test_two_runs_of_one_configuration_are_identical(tmp_path, method):
    run.train(config(**method), tmp_path / "a")
    run.train(config(**method), tmp_path / "b")
    assert_same_run(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("environment", ["breakout", pytest.param("chaser", marks=needs_procgen)])
def test_two_runs_of_a_simulator_are_identical(tmp_path, environment):
    settings = config(
        environment=environment,
        environment_options={},
        vision="nature",
        features=16,
        batch=2,
        env_steps=100,
        evaluation={"sets": 1, "episodes": 2, "max_steps": 20},
    )
    run.train(settings, tmp_path / "a")
    run.train(settings, tmp_path / "b")
    assert_same_run(tmp_path / "a", tmp_path / "b")


@needs_procgen
def test_an_interrupted_procgen_run_resumes_bit_for_bit(tmp_path, monkeypatch):
    settings = config(
        environment="chaser",
        environment_options={},
        vision="nature",
        features=16,
        batch=2,
        evaluation={"sets": 1, "episodes": 1, "max_steps": 5},
    )
    run.train(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 11)
        with pytest.raises(Interrupted):
            run.train(settings, tmp_path / "cut")
    assert run.train(settings, tmp_path / "cut")["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_resumed_atari_run_says_that_it_began_new_games(tmp_path, monkeypatch, capsys):
    settings = config(
        environment="breakout",
        environment_options={},
        vision="nature",
        features=16,
        batch=2,
        env_steps=100,
        evaluation={"sets": 1, "episodes": 1, "max_steps": 5},
    )
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Interrupted):
            run.train(settings, tmp_path)
    record = run.train(settings, tmp_path)
    assert "this simulator cannot be restored" in capsys.readouterr().err
    assert not record["exact_resume"]
    assert record["env_steps"] == 100


def test_another_seed_gives_another_run(tmp_path):
    run.train(config(), tmp_path / "a")
    run.train(config(seed=1), tmp_path / "b")
    assert curve(tmp_path / "a") != curve(tmp_path / "b")


@pytest.mark.parametrize(
    "method", [{}, {"gradient": "tbptt", "window": 12}, {"gradient": "tbptt", "window": "episode"}]
)
@pytest.mark.parametrize("updates", [1, 7])
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path, monkeypatch, method, updates):
    run.train(config(**method), tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, updates)
        with pytest.raises(Interrupted, match="SIGTERM"):
            run.train(config(**method), tmp_path / "cut")
    assert not (tmp_path / "cut" / "run.json").exists()
    record = run.train(config(**method), tmp_path / "cut")
    assert record["resumes"] == 1
    assert record["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_process_killed_in_training_resumes_bit_for_bit(tmp_path):
    settings = config(env_steps=10_000, checkpoint_minutes=0.002)
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(settings)))
    command = [sys.executable, "-m", "rtrl_bench", "train", "--config", str(path), "--out", str(tmp_path / "cut")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    saved = tmp_path / "cut" / "checkpoint"
    while process.poll() is None and not any(int(p.stem) > 0 for p in saved.glob("*.ckpt")):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert run.train(settings, tmp_path / "cut")["resumes"] == 1
    run.train(settings, tmp_path / "whole")
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_sigterm_ends_the_command_with_143_and_a_checkpoint(tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(config())))
    stop_after(monkeypatch, 3)
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 143
    assert "run the same command to go on" in capsys.readouterr().err
    assert checkpoint.load_newest(tmp_path / "out" / "checkpoint")["counters"]["updates"] == 3


def test_a_finished_run_is_left_alone(tmp_path, capsys):
    run.train(config(), tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"}
    run.train(config(threads=2), tmp_path)
    assert "already complete" in capsys.readouterr().err
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"}


def test_a_folder_of_another_configuration_is_refused_and_kept(tmp_path):
    run.train(config(), tmp_path)
    before = (tmp_path / "run.json").read_text()
    with pytest.raises(ConfigError, match="run of another configuration"):
        run.train(config(seed=5), tmp_path)
    assert (tmp_path / "run.json").read_text() == before


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path):
    with records.sole_writer(tmp_path), pytest.raises(ConfigError, match="another process is training in it"):
        run.train(config(), tmp_path)


def test_restart_if_changed_sets_the_old_run_aside_whole(tmp_path):
    old = run.train(config(), tmp_path)
    new = run.train(config(seed=5), tmp_path, restart_if_changed=True)
    assert new["config"]["seed"] == 5
    aside = tmp_path / f"replaced.{old['fingerprint']}"
    assert json.loads((aside / "run.json").read_text()) == old
    assert (aside / "curve.csv").exists()
    assert checkpoint.load_newest(aside / "checkpoint")["counters"]["updates"] == 20


def test_a_restarted_run_that_is_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    run.train(config(), tmp_path)
    (tmp_path / "run.json").rename(tmp_path / "kept")
    with monkeypatch.context() as patch:
        stop_after(patch, 6)
        with pytest.raises(Interrupted):
            run.train(config(seed=5), tmp_path, restart_if_changed=True)
    (tmp_path / "kept").rename(tmp_path / "run.json")  # a record of the old run, still there
    assert run.train(config(seed=5), tmp_path, restart_if_changed=True)["resumes"] == 1


def test_a_changed_configuration_that_cannot_run_leaves_the_old_run_alone(tmp_path):
    run.train(config(), tmp_path)
    with pytest.raises(ConfigError, match="vision"):
        run.train(config(vision="impala"), tmp_path, restart_if_changed=True)
    assert "already complete" not in str(run.train(config(), tmp_path))
    assert checkpoint.load_newest(tmp_path / "checkpoint")["counters"]["updates"] == 20


def test_a_finished_run_needs_no_checkpoint(tmp_path):
    record = run.train(config(), tmp_path)
    for path in (tmp_path / "checkpoint").glob("*.ckpt"):
        path.write_bytes(b"")
    assert run.train(config(), tmp_path) == record


def test_a_signal_in_the_last_update_stops_before_the_evaluation(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 20)
        with pytest.raises(Interrupted):
            run.train(config(), tmp_path)
    assert not (tmp_path / "evaluation.json").exists()
    record = run.train(config(), tmp_path)
    assert (record["resumes"], record["exact_resume"]) == (0, True)  # training was over, only the evaluation was left


def test_going_on_with_other_threads_is_not_called_exact(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(Interrupted):
            run.train(config(), tmp_path)
    torch.set_num_threads(2)
    try:
        record = run.train(config(threads=2), tmp_path)
    finally:
        torch.set_num_threads(1)
    assert not record["exact_resume"]
    assert [p["threads"] for p in record["processes"]] == [1, 2]


def test_a_checkpoint_of_another_program_version_is_refused_with_the_fix(tmp_path):
    saved = {"fingerprint": config().fingerprint(), "network": {}}
    checkpoint.save(tmp_path / "checkpoint", saved, 3)
    with pytest.raises(checkpoint.CheckpointError, match="does not fit this version"):
        run.train(config(), tmp_path)


def test_a_state_of_another_simulator_is_refused_with_the_fix(tmp_path, monkeypatch, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(config())))
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 143
    original = Training.restore

    def restore(self, state):
        self.env.spec_name = "another"
        original(self, state)

    monkeypatch.setattr(Training, "restore", restore)
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "go on with the versions that began the run" in capsys.readouterr().err


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path, capsys):
    run.train(config(), tmp_path / "whole")
    folder = tmp_path / "cut" / "checkpoint"
    run.train(config(), tmp_path / "cut")
    for name in ("run.json", "curve.csv", "evaluation.json"):
        (tmp_path / "cut" / name).unlink()
    newest = max(folder.glob("*.ckpt"))
    newest.write_bytes(newest.read_bytes()[:-100])
    assert run.train(config(), tmp_path / "cut")["resumes"] == 1
    assert "damaged" in capsys.readouterr().err
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_only_damaged_checkpoints_are_refused_with_the_fix(tmp_path, capsys):
    run.train(config(), tmp_path)
    (tmp_path / "run.json").unlink()
    for path in (tmp_path / "checkpoint").glob("*.ckpt"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    yaml_path = tmp_path / "config.yaml"
    assert main(["train", "--config", str(yaml_path), "--out", str(tmp_path)]) == 2
    assert "Remove the folder to start the run again" in capsys.readouterr().err


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    checkpoint.save(tmp_path / "checkpoint", {"fingerprint": Malicious()}, 1)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be loaded safely"):
        checkpoint.load_newest(tmp_path / "checkpoint")
    assert not (tmp_path / "owned").exists()


def test_a_non_finite_loss_stops_the_run_and_keeps_the_checkpoint(tmp_path, monkeypatch, capsys):
    original = Training.update

    def update(self):
        if self.counters.updates == 4:
            with torch.no_grad():
                self.network.baseline.bias.fill_(float("inf"))
        original(self)

    monkeypatch.setattr(Training, "update", update)
    with pytest.raises(NonFiniteLoss, match="update 5: loss_policy"):
        run.train(config(), tmp_path)
    assert torch.isfinite(parameters(tmp_path)["baseline.bias"]).all()
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(config())))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "again")]) == 3


@pytest.mark.parametrize("poisoned", ["policy.bias", "core.weight"])
def test_infinite_parameters_stop_the_run_by_name_too(tmp_path, monkeypatch, poisoned):
    original = Training.update

    def update(self):
        if self.counters.updates == 4:
            with torch.no_grad():
                dict(self.network.named_parameters())[poisoned].fill_(float("nan"))
        original(self)

    monkeypatch.setattr(Training, "update", update)
    with pytest.raises(NonFiniteLoss, match="update 5: a policy logit is nan"):
        run.train(config(), tmp_path)
    assert all(torch.isfinite(p).all() for p in parameters(tmp_path).values())


def test_a_checkpoint_can_be_evaluated_again_with_the_same_result(tmp_path, capsys):
    run.train(config(), tmp_path)
    assert main(["evaluate", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "evaluation.json").read_text())


def test_an_interval_without_finished_episodes_has_an_empty_return(tmp_path):
    run.train(config(environment_options={"delay": 300}, evaluation={"sets": 1, "episodes": 1}), tmp_path)
    assert curve(tmp_path)[0]["episode_return_mean"] == ""


def test_tensorboard_gets_the_curve(tmp_path):
    run.train(config(tensorboard=True), tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Scalars("grad_norm")
    assert [e.step for e in events.Scalars("grad_norm")] == [int(row["env_steps"]) for row in curve(tmp_path)]
