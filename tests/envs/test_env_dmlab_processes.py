"""The processes of DeepMind Lab: none is left, whoever dies, and the user hears which slot failed and why."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import yaml
from small_runs import game

from rtrl_bench.cli import main
from rtrl_bench.envs import dmlab_pool
from rtrl_bench.envs.registry import make
from rtrl_bench.errors import EnvironmentFailed
from rtrl_bench.runs.settings import to_dict

LEVEL = "rooms_watermaze"
FIRE = 8
NAMED = "the batch ends, with slot, level and cause"
# Without a guard around what it does: the processes do not import the main script.
SCRIPT = """
import os, signal, sys
from rtrl_bench.envs.registry import make
env = make("rooms_watermaze", 1, seed=0, backend="deepmind_lab")
env.reset()
print(*env._workers.pids, flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _lab(slots=2):
    env = make(LEVEL, slots, seed=3, backend="deepmind_lab")
    env.reset()
    return env


def _runs(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _left(tmp_path):
    return sorted(path.name for path in (tmp_path / "temporary").iterdir())


def _nothing_is_left(env, tmp_path):
    pids = env._workers.pids
    return len(pids) == env.num_envs and not any(os.path.exists(f"/proc/{pid}") for pid in pids) and not _left(tmp_path)


def test_closing_ends_the_processes_and_removes_their_files_and_may_be_repeated(simulator, tmp_path):
    env = _lab()
    assert all(_runs(pid) for pid in env._workers.pids)
    assert len(_left(tmp_path)) == 1
    env.close()
    assert _nothing_is_left(env, tmp_path)
    env.close()
    with pytest.raises(gymnasium.error.ClosedEnvironmentError, match=f"{LEVEL} was closed"):
        env.step(np.zeros(2, int))


def test_each_simulator_has_a_folder_of_its_own_and_is_closed_once_and_never_touched_after(stand_in, tmp_path):
    env = _lab()
    processes = env._workers._processes
    env.close()
    folders = [Path(made["temp_folder"]) for (made,) in stand_in("Lab")]
    assert [folder.name for folder in folders] == ["slot0", "slot1"]
    assert {folder.parent.parent for folder in folders} == {tmp_path / "temporary"}
    assert [len(closes) for closes in stand_in("close")] == [1, 1]
    assert [process.returncode for process in processes] == [0, 0]


def test_a_batch_that_is_forgotten_leaves_no_process_file_or_descriptor(stand_in, tmp_path):
    gc.collect()
    before = os.listdir("/proc/self/fd")
    env = _lab(1)
    (pid,) = env._workers.pids
    del env
    gc.collect()
    assert not _runs(pid)
    assert not _left(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.injects("a process of DeepMind Lab dies", "SIGKILL, or an exit in a step", NAMED)
def test_a_killed_process_is_reported_with_its_slot_level_and_signal_and_ends_the_batch(simulator, tmp_path, observed):
    observed("SIGKILL: named")
    env = _lab()
    os.kill(env._workers.pids[1], signal.SIGKILL)
    message = (
        f"{LEVEL}: deepmind_lab failed in contributed/dmlab30/{LEVEL}, slot 1: its process ended with signal SIGKILL"
    )
    with pytest.raises(RuntimeError, match=message):
        env.step(np.zeros(2, int))
    assert env.closed
    assert _nothing_is_left(env, tmp_path)


@pytest.mark.injects("a process of DeepMind Lab dies", "SIGKILL, or an exit in a step", NAMED)
def test_a_crash_inside_a_step_is_reported_with_the_exit_code(stand_in, tmp_path, monkeypatch, observed):
    observed("exit code 139 in a step: named")
    monkeypatch.setenv("STAND_IN_FIRE", "die")
    env = _lab(1)
    with pytest.raises(RuntimeError, match="slot 0: its process ended with exit code 139"):
        env.step(np.array([FIRE]))
    assert _nothing_is_left(env, tmp_path)


@pytest.mark.injects("a process of DeepMind Lab hangs", "SIGSTOP, with a limit of a second", NAMED)
def test_a_process_that_hangs_is_reported_with_its_slot_and_killed(stand_in, tmp_path, monkeypatch, observed):
    env = _lab()
    monkeypatch.setattr(dmlab_pool, "ANSWER_S", 1.0)
    monkeypatch.setattr(dmlab_pool, "GRACE_S", 0.1)
    hangs = env._workers.pids[1]
    os.kill(hangs, signal.SIGSTOP)
    with pytest.raises(EnvironmentFailed, match="slot 1: no answer within 1 s"):
        env.step(np.zeros(2, int))
    assert _nothing_is_left(env, tmp_path)
    observed("named after the limit, which is half an hour; the process is killed")


@pytest.mark.injects("a process of DeepMind Lab dies in a run", "an exit in a step", "exit code 4, the slot is named")
def test_a_run_whose_simulator_dies_ends_with_code_4_and_the_slot(stand_in, tmp_path, monkeypatch, capsys, observed):
    monkeypatch.setenv("STAND_IN_FIRE", "die")
    path = tmp_path / "run.yaml"
    settings = game(LEVEL, env_steps=1000, backend="deepmind_lab")
    path.write_text(yaml.safe_dump(to_dict(settings)))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "run")]) == 4
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(rf"{LEVEL}: deepmind_lab failed in .*, slot \d: its process ended with exit code 139", said)
    assert not [name for name in _left(tmp_path) if "dmlab" in name]
    observed("exit code 4")


def test_an_exception_inside_a_step_is_reported_in_one_line(stand_in, tmp_path, monkeypatch):
    monkeypatch.setenv("STAND_IN_FIRE", "raise")
    env = _lab(1)
    with pytest.raises(RuntimeError, match=r"slot 0: RuntimeError: the engine is on fire$"):
        env.step(np.array([FIRE]))
    assert _nothing_is_left(env, tmp_path)


def test_an_interrupted_step_closes_the_batch_as_its_answers_would_pass_for_those_of_the_next(
    stand_in, tmp_path, monkeypatch
):
    monkeypatch.setenv("STAND_IN_FIRE", "hang")
    monkeypatch.setattr(dmlab_pool, "GRACE_S", 0.1)  # the hanging process has to be killed
    env = _lab(1)

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    python = signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            env.step(np.array([FIRE]))
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, python)
    assert env.closed
    assert _nothing_is_left(env, tmp_path)


def test_signals_to_the_whole_group_leave_the_end_to_the_owner(stand_in):
    env = _lab(1)
    for signum in (signal.SIGINT, signal.SIGTERM):
        os.kill(env._workers.pids[0], signum)
        env.step(np.zeros(1, int))
    env.close()


@pytest.mark.parametrize("end", ["killed", "returns"])
def test_the_processes_end_with_a_program_that_does_not_close_them(simulator, tmp_path, end):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    path = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    done = subprocess.run([sys.executable, script, end], stdout=subprocess.PIPE, text=True, env=path, timeout=60)
    assert done.returncode == (-signal.SIGKILL if end == "killed" else 0)
    pids = [int(word) for word in done.stdout.split()]  # and nothing that the simulator prints
    _wait_until(lambda: not any(_runs(pid) for pid in pids))
    assert len(_left(tmp_path)) == (1 if end == "killed" else 0)


def test_the_next_start_removes_what_a_killed_program_left_and_nothing_else(stand_in, tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    other = _lab(1)
    (of_other,) = _left(tmp_path)
    prefix = of_other.partition(f"-{os.getpid()}-")[0]
    for name in (f"{prefix}-{gone.stdout.strip()}-abc", "rtrl-bench-dmlab-elsewhere-1-abc", f"{prefix}-notes"):
        (tmp_path / "temporary" / name / "slot0" / "baselab").mkdir(parents=True)
    _lab(1).close()
    assert _left(tmp_path) == sorted([of_other, "rtrl-bench-dmlab-elsewhere-1-abc", f"{prefix}-notes"])
    other.close()
