"""What is done to a process from within, before its program begins."""

from __future__ import annotations

import os
import resource
import signal
from fnmatch import fnmatch
from pathlib import Path


def die_renaming(pattern: str, when: str, count: int = 1) -> None:
    """SIGKILL right "before" or "after" the `count`th rename to a name like `pattern`."""
    seen = 0

    def wrap(original):
        def rename(source, target, **more):
            nonlocal seen
            seen += fnmatch(Path(target).name, pattern)
            due = fnmatch(Path(target).name, pattern) and seen == count
            if due and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            original(source, target, **more)
            if due:
                os.kill(os.getpid(), signal.SIGKILL)

        return rename

    os.replace, os.rename = wrap(os.replace), wrap(os.rename)


def die_writing(size: int | None = None) -> None:
    """End in the midst of a write once a file-size limit is reached: `size` bytes, or one that is set from outside."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, so that a write fails instead
    if size is not None:
        limit_files(size)


def limit_files(size: int, pid: int = 0) -> None:
    """No file of process `pid` (0: this one) can grow beyond `size` bytes."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def signal_in_evaluation(signum: int, episodes: int) -> None:
    """Send this process a signal when so many rounds of the evaluation have been played."""
    from rtrl_bench.experiments.reinforcement import evaluate

    original, played = evaluate._play_round, 0

    def play(*arguments):
        nonlocal played
        result = original(*arguments)
        played += 1
        if played == episodes:
            os.kill(os.getpid(), signum)
        return result

    evaluate._play_round = play


def jumping_clock() -> None:
    """The wall clock jumps a day ahead and a year back, again and again."""
    import itertools
    import time
    from datetime import datetime, timedelta

    from rtrl_bench.runs import records

    jumps = itertools.cycle((86_400.0, -31_536_000.0))
    real = time.time

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) + timedelta(seconds=next(jumps))

    time.time = lambda: real() + next(jumps)
    records.datetime = Clock
