"""Standard output carries a command's result and nothing else; what is said beside it ends no run if it is not heard.

A terminal that dies, a pipe that nobody reads any more, a log on a full disk: a run that is not asked for its output
goes on without it. What a simulator prints, from whatever language, goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO, cast


class BestEffort:
    """A text stream whose writes may fail: from the first failure on they go nowhere, whoever makes them."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write, or not."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:  # ValueError: somebody closed the stream
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        if isinstance(error, OSError):
            self.failure = error
        with contextlib.suppress(OSError, ValueError):
            _to_nowhere(self._stream.fileno())
            self._stream.flush()  # what it still holds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def own_the_standard_streams() -> None:
    """Make standard output and standard error of this process what this module says. Call it once, at its start."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file to be opened would get its number, and what is printed
            _to_nowhere(descriptor)
    given = cast(TextIO | None, sys.stderr)  # None: it was closed
    errors = given or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    result = os.fdopen(os.dup(1), "w", encoding=errors.encoding, errors="backslashreplace")
    os.dup2(2, 1)
    sys.stdout, sys.stderr = cast(TextIO, BestEffort(result)), cast(TextIO, BestEffort(errors))


def say(text: str) -> None:
    """A line on standard error, for whoever listens."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def hand_over(text: str, stream: TextIO) -> OSError | None:
    """Write a command's result; what kept it from being written, or None."""
    best_effort = stream if isinstance(stream, BestEffort) else BestEffort(stream)
    print(text, file=cast(TextIO, best_effort), flush=True)
    return best_effort.failure


def _to_nowhere(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
