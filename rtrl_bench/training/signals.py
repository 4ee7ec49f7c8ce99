"""SIGTERM, SIGINT and the alarm of --stop-after: stop at the next safe place while a run trains, at once elsewhere."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)


@contextmanager
def collect_signals() -> Iterator[list[int]]:
    """Inside, SIGNALS are appended to the list instead of ending the process."""
    received: list[int] = []
    before = {s: signal.signal(s, lambda signum, _: received.append(signum)) for s in SIGNALS}
    try:
        yield received
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def interrupt_on_signals() -> None:
    """From now on each of SIGNALS raises KeyboardInterrupt(signum), so that what is open is closed."""
    for signum in SIGNALS:
        signal.signal(signum, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signum)
