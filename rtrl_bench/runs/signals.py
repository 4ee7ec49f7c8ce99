"""SIGTERM, SIGINT, SIGHUP, the alarm of --stop-after: stop at the next safe place while a run trains, else at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from rtrl_bench.system.foreign import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP)


@contextmanager
def collect_signals() -> Iterator[list[int]]:
    """Inside, SIGNALS that are not ignored are appended to the list instead of ending the process."""
    received: list[int] = []
    heard = [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, lambda signum, _: received.append(signum)) for s in heard}
    try:
        yield received
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def interrupt_on_signals() -> None:
    """From now on each of SIGNALS raises Stopped, so that what is open is closed. Under nohup SIGHUP stays ignored."""
    for signum in SIGNALS:
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _interrupt)


def ignore_signals() -> None:
    """From now on none of SIGNALS does anything."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """SIGALRM after so many seconds inside (0: never), and none behind it."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def undisturbed(more: bool) -> Iterator[None]:
    """Inside, SIGNALS wait. The first of them takes effect behind it if there is more to do.

    Else the work is about to end by itself, and they come to nothing. Nor does an alarm come after it.
    """
    with collect_signals() as received:
        yield
        if not more:
            signal.setitimer(signal.ITIMER_REAL, 0)
    if received and more:
        signal.raise_signal(received[0])


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(signum)
