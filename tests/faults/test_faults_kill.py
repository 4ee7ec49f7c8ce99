"""A run that is killed at any moment goes on, with the same command, as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import partial
from random import Random

import injections
import pytest
from processes import SETTINGS, Program, assert_same_records, checkpoints, command
from small_runs import game

from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.runs.settings import build

SAME = "the same command completes the run, with the same records"
LOST = "lost: the updates since the last checkpoint, made again"
A_FEW = [0, *(pytest.param(k, marks=pytest.mark.faults) for k in range(1, 15))]


def stage(folder):
    """Where a run was when it was killed, as its folder tells."""
    if (folder / "run.json").exists():
        return "killed after its end"
    if list(folder.glob("checkpoint/*.part")):
        return "killed writing a checkpoint"
    newest = checkpoints(folder)
    if not newest:
        return "killed before the first checkpoint"
    finished = int(newest[0].stem) * SETTINGS.unroll * SETTINGS.batch >= SETTINGS.env_steps
    return "killed in evaluation or writing records" if finished else "killed in training"


def assert_nothing_is_left(folder):
    assert {path.name for path in folder.iterdir()} == {
        *(".lock", "config.yaml", "curve.csv", "evaluation.json", "run.json", "checkpoint")
    }
    assert len(list((folder / "checkpoint").iterdir())) == len(checkpoints(folder)) == 2


def assert_goes_on(whole, words, folder, log):
    assert Program(words, log).exit_code() == 0
    assert_same_records(whole.folder, folder)
    assert_nothing_is_left(folder)


@pytest.mark.injects("SIGKILL at random moments, three times in a run", "the parent, after seeded random times", SAME)
@pytest.mark.parametrize("seed", A_FEW)
def test_a_run_that_is_killed_at_random_moments_goes_on(whole, tmp_path, observed, seed):
    random, folder = Random(seed), tmp_path / "run"
    words = command(SETTINGS, folder)
    for _ in range(3):
        program = Program(words, tmp_path / "log")
        program.wait(random.uniform(0, whole.wall_s))
        program.kill()
        observed(stage(folder))
    assert_goes_on(whole, words, folder, tmp_path / "log")


POINTS = [
    ("000000000000.ckpt", "before", 1),
    ("*.ckpt", "before", 4),
    ("*.ckpt", "after", 4),
    ("run.json", "before", 1),
]
MORE_POINTS = [
    ("config.yaml", "before", 1),
    ("curve.part.csv", "before", 2),
    ("curve.csv", "after", 1),
    ("evaluation.json", "before", 1),
    ("evaluation.json", "after", 1),
    ("run.json", "after", 1),
]
POINTS += [pytest.param(point, marks=pytest.mark.faults) for point in MORE_POINTS]


@pytest.mark.injects("SIGKILL right before or after a file gets its name", "os.replace of the process, wrapped", SAME)
@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(map(str, point)))
def test_a_run_that_is_killed_between_its_files_goes_on(whole, tmp_path, observed, point):
    words = command(SETTINGS, tmp_path / "run")
    assert Program(words, tmp_path / "log", partial(injections.die_renaming, *point)).exit_code() == -signal.SIGKILL
    observed(f"{point[1]} {point[0]}")
    assert_goes_on(whole, words, tmp_path / "run", tmp_path / "log")


@pytest.mark.injects("death in the midst of writing a checkpoint", "SIGXFSZ at half the file's size", SAME)
def test_a_half_written_checkpoint_is_no_checkpoint(whole, tmp_path, observed):
    folder = tmp_path / "run"
    words = command(SETTINGS, folder)
    program = Program(words, tmp_path / "log", injections.die_writing)
    program.wait_for(lambda: checkpoints(folder))
    injections.limit_files(checkpoints(whole.folder)[0].stat().st_size // 2, program.pid)
    assert program.exit_code() == -signal.SIGXFSZ
    (half,) = folder.glob("checkpoint/*.part")
    assert half.stat().st_size > 0
    observed(LOST)
    assert_goes_on(whole, words, folder, tmp_path / "log")


@pytest.mark.injects("SIGKILL in the midst of the evaluation", "the process itself, after its 4th round", SAME)
def test_a_run_that_is_killed_in_its_evaluation_only_evaluates_again(whole, tmp_path, observed):
    words = command(SETTINGS, tmp_path / "run")
    inject = partial(injections.signal_in_evaluation, signal.SIGKILL, 4)
    assert Program(words, tmp_path / "log", inject).exit_code() == -signal.SIGKILL
    assert not (tmp_path / "run/evaluation.json").exists()
    assert_goes_on(whole, words, tmp_path / "run", tmp_path / "log")
    assert json.loads((tmp_path / "run/run.json").read_text())["resumes"] == 0
    observed("lost: the evaluation, made again")


def stops(first, *more):
    """The first of these signals in `make test`, all in `make test-faults`."""
    return pytest.mark.parametrize("signum", [first, *(pytest.param(each, marks=pytest.mark.faults) for each in more)])


@pytest.mark.injects(
    "SIGTERM, SIGINT, SIGHUP in training",
    "the parent",
    "a checkpoint within 10 s, exit code 128 + the signal's; " + SAME,
)
@stops(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
def test_a_signal_in_training_ends_it_with_a_checkpoint(whole, tmp_path, observed, signum):
    folder = tmp_path / "run"
    words = command(SETTINGS, folder)
    program = Program(words, tmp_path / "log")
    program.wait_for(lambda: len(checkpoints(folder)) == 2)
    began = time.monotonic()
    os.kill(program.pid, signum)
    assert program.exit_code() == 128 + signum
    seconds = time.monotonic() - began
    assert seconds < 10
    assert f"stopped by {signum.name}; the checkpoint in {folder} is complete" in program.said()
    observed(f"{signum.name}: exit code {128 + signum}, nothing lost")
    assert_goes_on(whole, words, folder, tmp_path / "log")


@pytest.mark.faults
@pytest.mark.injects("SIGTERM in a run of the laptop's size", "the parent", "a checkpoint within 10 s, exit code 143")
def test_a_larger_network_has_its_checkpoint_within_ten_seconds(tmp_path, observed):
    sizes = {"unroll": 100, "batch": 8, "features": 128, "hidden": 128}  # the largest of workflow/config/laptop.yaml
    folder = tmp_path / "run"
    words = command(game("breakout", env_steps=20_000, checkpoint_minutes=1e-3, **sizes), folder)
    program = Program(words, tmp_path / "log")
    program.wait_for(lambda: len(checkpoints(folder)) == 2)
    began = time.monotonic()
    os.kill(program.pid, signal.SIGTERM)
    assert program.exit_code() == 128 + signal.SIGTERM
    seconds = time.monotonic() - began
    assert seconds < 10
    observed(f"exit code 143 after {seconds:.0f} s")


@pytest.mark.injects(
    "SIGTERM, SIGINT in the evaluation", "the process itself", "exit code 128 + the signal's at once; " + SAME
)
@stops(signal.SIGTERM, signal.SIGINT)
def test_a_signal_in_the_evaluation_ends_it_at_once(whole, tmp_path, observed, signum):
    words = command(SETTINGS, tmp_path / "run")
    program = Program(words, tmp_path / "log", partial(injections.signal_in_evaluation, signum, 4))
    assert program.exit_code() == 128 + signum
    assert "stopped; run the same command to go on" in program.said()
    observed(f"{signum.name}: exit code {128 + signum}; lost: the evaluation, made again")
    assert_goes_on(whole, words, tmp_path / "run", tmp_path / "log")


def send_writing(name, signum):
    """A signal right before the file `name` is written."""
    from rtrl_bench.runs import records

    original = records.write_whole

    def write_whole(path, data):
        if path.name == name:
            os.kill(os.getpid(), signum)
        original(path, data)

    records.write_whole = write_whole


@pytest.mark.injects(
    "SIGTERM, SIGALRM while the records are written", "the process itself", "they are written; exit code 0"
)
@pytest.mark.parametrize(("name", "signum"), [("evaluation.json", signal.SIGTERM), ("run.json", signal.SIGALRM)])
def test_a_signal_to_a_run_that_has_its_results_takes_nothing_back(whole, tmp_path, observed, name, signum):
    words = command(SETTINGS, tmp_path / "run")
    assert Program(words, tmp_path / "log", partial(send_writing, name, signum)).exit_code() == 0
    assert_same_records(whole.folder, tmp_path / "run")
    observed(f"{signum.name} at {name}: exit code 0")


def ignore_hangup():
    """As nohup does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.injects("SIGHUP under nohup", "the parent, in training", "the run goes on")
def test_nohup_keeps_a_run_alive(whole, tmp_path, observed):
    program = Program(command(SETTINGS, tmp_path / "run"), tmp_path / "log", ignore_hangup)
    program.wait_for(lambda: len(checkpoints(tmp_path / "run")) == 2)
    os.kill(program.pid, signal.SIGHUP)
    assert program.exit_code() == 0
    assert_same_records(whole.folder, tmp_path / "run")
    observed("exit code 0")


@pytest.mark.injects(
    "SIGKILL while another configuration's run is set aside", "os.rename, wrapped", "nothing of it is lost"
)
@pytest.mark.parametrize(
    "name", ["checkpoint", *(pytest.param(k, marks=pytest.mark.faults) for k in ("curve.csv", "run.json"))]
)
def test_what_is_being_set_aside_is_not_lost(whole, tmp_path, observed, name):
    folder, other = tmp_path / "run", SETTINGS.__class__(**{**vars(SETTINGS), "seed": 5})
    assert Program(command(other, folder), tmp_path / "log").exit_code() == 0
    before = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.name != ".lock"}
    words = [*command(SETTINGS, folder), "--restart-if-changed"]
    inject = partial(injections.die_renaming, name, "after")
    assert Program(words, tmp_path / "log", inject).exit_code() == -signal.SIGKILL
    assert Program(words, tmp_path / "log").exit_code() == 0
    assert_same_records(whole.folder, folder)
    aside = {path.name: path.read_bytes() for path in folder.glob("replaced.*/*.*")}
    assert aside == before
    assert len(list(folder.glob("replaced.*/checkpoint/*.ckpt"))) == 2
    observed(f"after {name}: in {len(list(folder.glob('replaced.*')))} folders")


COPY = build(
    SequenceConfig,
    {
        **{
            "task": "copy",
            "task_options": {"length": 3},
            "hidden": 8,
            "batch": 4,
            "steps": 200,
            "checkpoint_minutes": 2e-4,
        },
        **{"train_size": 50, "valid_size": 20, "test_size": 20, "validations": 10, "threads": 1, "device": "cpu"},
    },
)


def copy_records(folder):
    """What a copy-task run found, without times and resumes."""
    record = json.loads((folder / "run.json").read_text())
    curve = [line.rpartition(",")[0] for line in (folder / "curve.csv").read_text().splitlines()]
    return {k: v for k, v in record.items() if k not in ("wall_s", "resumes", "peak_bytes", "finished_utc")}, curve


@pytest.mark.injects("SIGKILL in a copy-task run", "the parent, at its second checkpoint", SAME)
def test_a_copy_task_run_that_is_killed_goes_on(tmp_path, observed):
    words = command(COPY, tmp_path / "cut", "run")
    program = Program(words, tmp_path / "log")
    program.wait_for(lambda: len(checkpoints(tmp_path / "cut")) == 2)
    program.kill()
    assert not (tmp_path / "cut/run.json").exists()
    assert Program(words, tmp_path / "log").exit_code() == 0
    assert Program(command(COPY, tmp_path / "whole", "run"), tmp_path / "log").exit_code() == 0
    assert copy_records(tmp_path / "cut") == copy_records(tmp_path / "whole")
    assert json.loads((tmp_path / "cut/run.json").read_text())["resumes"] == 1
    observed(LOST)
