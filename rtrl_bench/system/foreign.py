"""Code of others that we call, simulators above all: whatever it raises is its failure, `sys.exit(0)` included."""

from __future__ import annotations

import signal


class Stopped(KeyboardInterrupt):
    """A signal asks this process to end; `signum` tells which."""

    def __init__(self, signum: int):
        super().__init__(signum)
        self.signum = signum


def is_stop(error: BaseException) -> bool:
    """Whether an exception out of foreign code is a signal's or the user's, and none of that code's own making.

    A plain KeyboardInterrupt is the user's as long as Python's own handler of SIGINT is in place.
    """
    if isinstance(error, KeyboardInterrupt):
        return isinstance(error, Stopped) or signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return False


def in_words(error: BaseException) -> str:
    """Its type and message in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
