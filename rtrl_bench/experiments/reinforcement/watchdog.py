"""Ends a process whose simulator never comes back. Nothing else does: signals wait for the end of its step as well."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rtrl_bench.system.output import say

LIMIT_S = 3600.0  # without a step: far beyond an update of the largest network or the compilation of a level
LOOKS = 20  # within the limit
EXIT_CODE = 4  # that of an environment that fails (cli.py)


class Stepped(Protocol):
    """What is watched: a simulator's name, and how many steps it has completed."""

    spec_name: str

    @property
    def steps(self) -> int:
        """Completed so far."""


@contextmanager
def watched(env: Stepped) -> Iterator[None]:
    """Inside, end the process, with a message, if no step of `env` completes for LIMIT_S seconds.

    A simulator that hangs while it holds Python's global lock is not noticed.
    """
    done = threading.Event()
    threading.Thread(target=_watch, args=(env, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _watch(env: Stepped, done: threading.Event) -> None:
    """Counts looks and not seconds: a process that was suspended for a day has missed none."""
    seen, quiet = env.steps, 0
    while not done.wait(LIMIT_S / LOOKS):
        quiet = quiet + 1 if env.steps == seen else 0
        seen = env.steps
        if quiet == LOOKS:
            with contextlib.suppress(OSError, ValueError, RuntimeError):  # nobody may be listening
                faulthandler.dump_traceback()
            say(
                f"rtrl-bench: {env.spec_name}: no step within {LIMIT_S:,.0f} s (above: where it hangs); the same "
                "command continues from the last checkpoint"
            )
            os._exit(EXIT_CODE)
