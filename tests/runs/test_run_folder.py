"""What a run finds in its folder: finished runs, other runs, checkpoints of other programs (damage: tests/faults)."""

from __future__ import annotations

import errno
import fcntl
import json
import os

import pytest
import yaml
from small_runs import config, interrupt, stop_after

from rtrl_bench.cli import main
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.config import load
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.lock import sole_writer
from rtrl_bench.runs.settings import dump, to_dict


def test_a_finished_run_is_left_alone(tmp_path, capsys):
    execute(config(), tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"}
    execute(config(threads=2), tmp_path)
    assert "already complete" in capsys.readouterr().err
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.name != ".lock"}


def test_a_folder_of_another_configuration_is_refused_and_kept(tmp_path):
    execute(config(), tmp_path)
    before = (tmp_path / "run.json").read_text()
    with pytest.raises(
        ConfigError, match=r"run of another configuration \(loss.discount 0.99, now 0.5; seed 0, now 5\)"
    ):
        execute(config(seed=5, loss={"discount": 0.5}, threads=2), tmp_path)
    assert (tmp_path / "run.json").read_text() == before


def test_where_the_file_is_not_that_runs_the_fingerprints_are_named(tmp_path):
    old = execute(config(), tmp_path)
    (tmp_path / "config.yaml").write_text(dump(config(seed=3)))
    with pytest.raises(
        ConfigError, match=rf"\(fingerprint {old['fingerprint']}, this one is {config(seed=5).fingerprint()}\)"
    ):
        execute(config(seed=5), tmp_path)


def test_options_that_were_not_set_are_named_as_differences(tmp_path):
    execute(config(environment_options={}), tmp_path)
    with pytest.raises(ConfigError, match=r"another configuration \(environment_options.delay None, now 3\)"):
        execute(config(), tmp_path)


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path):
    with sole_writer(tmp_path), pytest.raises(ConfigError, match="another process is at work in it"):
        execute(config(), tmp_path)


def test_restart_if_changed_sets_the_old_run_aside_whole(tmp_path):
    old = execute(config(), tmp_path)
    new = execute(config(seed=5), tmp_path, restart_if_changed=True)
    assert new["config"]["seed"] == 5
    aside = tmp_path / f"replaced.{old['fingerprint']}"
    assert json.loads((aside / "run.json").read_text()) == old
    assert (aside / "curve.csv").exists()
    assert checkpoint.load_newest(aside / "checkpoint")["counters"]["updates"] == 20


def test_what_is_set_aside_takes_all_its_files_along(tmp_path):
    old = config(tensorboard=True, layers=2, gradient="rtrl_segment", gradient_quality=2)
    execute(old, tmp_path)
    before = {path.name for path in tmp_path.iterdir()} - {".lock"}
    assert {"config.yaml", "tensorboard", "gradient.csv"} <= before
    execute(config(seed=5), tmp_path, restart_if_changed=True)
    (aside,) = tmp_path.glob("replaced.*")
    assert {path.name for path in aside.iterdir()} == before
    assert load(aside / "config.yaml") == old
    assert load(tmp_path / "config.yaml") == config(seed=5)
    assert not (tmp_path / "tensorboard").exists()


def test_the_new_runs_configuration_is_not_set_aside(tmp_path):
    execute(config(), tmp_path)
    (tmp_path / "config.yaml").write_text(dump(config(seed=5)))  # as the workflow does
    execute(config(seed=5), tmp_path, restart_if_changed=True)
    (aside,) = tmp_path.glob("replaced.*")
    assert not (aside / "config.yaml").exists()


HAND_WRITTEN = "# mine\n" + yaml.safe_dump({k: v for k, v in to_dict(config()).items() if k != "seed"})


def test_a_configuration_that_a_person_wrote_into_the_run_folder_stays_as_it_is(tmp_path):
    (tmp_path / "config.yaml").write_text(HAND_WRITTEN)
    assert main(["train", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "config.yaml").read_text() == HAND_WRITTEN
    assert main(["evaluate", str(tmp_path)]) == 0


@pytest.mark.parametrize("written", [HAND_WRITTEN, "title: a paper\n", "- a list", "\x00"])
def test_a_configuration_that_a_person_wrote_for_something_else_is_not_overwritten(tmp_path, written):
    (tmp_path / "config.yaml").write_text(written)
    with pytest.raises(ConfigError, match=r"config\.yaml is not the configuration of this run"):
        execute(config(seed=5), tmp_path)
    assert (tmp_path / "config.yaml").read_text() == written


@pytest.mark.parametrize("name", ["evaluation.json", "curve.csv", "run.json", "tensorboard"])
def test_files_of_another_program_are_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text('{"accuracy": 0.9}')
    with pytest.raises(ConfigError, match=f"holds {name} and no run that made it"):
        execute(config(), tmp_path)
    assert (tmp_path / name).read_text() == '{"accuracy": 0.9}'


@pytest.mark.parametrize("folder", ["new", "new/and/deep", "."])
def test_a_refused_run_leaves_nothing_behind(tmp_path, folder):
    with pytest.raises(ConfigError, match="vision"):
        execute(config(vision="impala"), tmp_path / folder)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch, capsys):
    def flock(file, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", flock)
    assert execute(config(), tmp_path)["status"] == "complete"
    assert "this file system has no locks (Function not implemented)" in capsys.readouterr().err


def test_a_folder_that_goes_while_it_is_waited_for_is_made_anew(tmp_path, monkeypatch):
    """The process that is waited for is refused, and takes away the folder that it made."""
    folder, flock, calls = tmp_path / "run", fcntl.flock, []

    def vanish(file, operation):
        calls.append(operation)
        if len(calls) == 1:
            raise BlockingIOError
        if len(calls) == 2:
            (folder / ".lock").unlink()
            folder.rmdir()
        flock(file, operation)

    monkeypatch.setattr("fcntl.flock", vanish)
    with sole_writer(folder, wait=True):
        assert (folder / ".lock").exists()


def test_a_restarted_run_that_is_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    execute(config(), tmp_path)
    (tmp_path / "run.json").rename(tmp_path / "kept")
    interrupt(config(seed=5), tmp_path, monkeypatch, 6, restart_if_changed=True)
    (tmp_path / "kept").rename(tmp_path / "run.json")  # a record of the old run, still there
    assert execute(config(seed=5), tmp_path, restart_if_changed=True)["resumes"] == 1


def test_a_changed_configuration_that_cannot_run_leaves_the_old_run_alone(tmp_path):
    execute(config(), tmp_path)
    with pytest.raises(ConfigError, match="vision"):
        execute(config(vision="impala"), tmp_path, restart_if_changed=True)
    assert "already complete" not in str(execute(config(), tmp_path))
    assert checkpoint.load_newest(tmp_path / "checkpoint")["counters"]["updates"] == 20


def test_a_finished_run_needs_no_checkpoint(tmp_path):
    record = execute(config(), tmp_path)
    for path in (tmp_path / "checkpoint").glob("*.ckpt"):
        path.write_bytes(b"")
    assert execute(config(), tmp_path) == record


def test_a_checkpoint_of_another_program_version_is_refused_with_the_fix(tmp_path):
    saved = {"fingerprint": config().fingerprint(), "network": {}}
    checkpoint.save(tmp_path / "checkpoint", saved, 3)
    with pytest.raises(checkpoint.CheckpointError, match="does not fit this version"):
        execute(config(), tmp_path)


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
