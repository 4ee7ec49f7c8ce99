"""The program in real processes, which tests may kill.

A process is forked from one that has imported torch (multiprocessing's fork server), so that it takes 0.1 s to start
instead of 2; from there on it is `python -m rtrl_bench` or another module, with its own signals, limits and exit code.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from small_runs import assert_same_run, config

from rtrl_bench.runs.settings import to_dict

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "rtrl_bench.experiments.reinforcement.loop",
        "rtrl_bench.experiments.sequences.training",
        "analysis.report",
    ]
)
# A checkpoint every few updates and a long evaluation, so that a random moment can be in any of them.
SETTINGS = config(env_steps=800, checkpoint_minutes=2e-4, evaluation={"sets": 2, "episodes": 240})
PATIENCE_S = 180.0  # a busy machine is slow
OF_THE_PROCESS = ("wall_s", "steps_per_s", "started_utc", "finished_utc", "resumes", "processes", "peak_bytes")


class Program:
    """`python -m module words`, its output in the file `log`; `inject` is called in the process before it begins."""

    def __init__(self, words, log: Path, inject: Callable[[], None] | None = None, module: str = "rtrl_bench"):
        self.log = log
        self._process = CONTEXT.Process(target=_run, args=(module, list(words), log, inject), daemon=True)
        self._process.start()
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.exitcode is not None

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float) -> None:
        """Let it run for so long, or until it ends."""
        self._process.join(seconds)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Let it run until something is so."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert not self.ended, f"ended with {self._process.exitcode}: {self.said()}"
            assert time.monotonic() < until, f"waited for too long: {self.said()}"
            time.sleep(0.002)

    def exit_code(self) -> int:
        """Its exit code at its end, negative for the signal that killed it."""
        self._process.join(PATIENCE_S)
        if not self.ended:
            self.kill()
            raise AssertionError(f"did not end: {self.said()}")
        return self._process.exitcode

    def said(self) -> str:
        """What it has printed so far, errors included."""
        return self.log.read_text(errors="replace")


def _run(module: str, words: list[str], log: Path, inject: Callable[[], None] | None) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.argv = [module, *words]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests run under: nohup has it ignored
    if inject is not None:
        inject()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def command(settings, folder: Path, name: str = "train") -> list[str]:
    """The words that train `settings` in `folder`."""
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(to_dict(settings)))
    return [name, "--config", str(path), "--out", str(folder)]


def assert_same_records(one: Path, other: Path) -> None:
    """Two training runs agree in all that does not tell of time, resumes and the process."""
    assert_same_run(one, other)
    first, second = (json.loads((folder / "run.json").read_text()) for folder in (one, other))
    assert first.keys() == second.keys()
    assert [key for key in first if first[key] != second[key] and key not in OF_THE_PROCESS] == []


def checkpoints(folder: Path) -> list[Path]:
    """Those of a run, newest first."""
    return sorted((folder / "checkpoint").glob("*.ckpt"), reverse=True)
