"""Every failure that has an exit code of its own. Importing this imports nothing else of the project."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class Failure(Exception):
    """A failure with one message for the user; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class ConfigError(Failure, ValueError):
    """Settings or arguments that cannot be used. The message names the thing, its value, what was expected, the fix."""

    exit_code = 2


class UnknownName(ConfigError):
    """A name that no file registered. The message lists what exists and the closest match."""


class EnvironmentUnavailable(Failure, RuntimeError):
    """A known environment whose simulator cannot run here. The message says what is missing and how to get it."""

    exit_code = 2


class CheckpointError(Failure, RuntimeError):
    """No usable checkpoint where there should be one."""

    exit_code = 2


class NonFiniteLoss(Failure, RuntimeError):
    """A loss term, the gradient or a parameter became infinite or not a number."""

    exit_code = 3


class EnvironmentFailed(Failure, RuntimeError):
    """A simulator that raised, died or returned what no environment may. The message names the environment."""

    exit_code = 4


class Unwritable(Failure, OSError):
    """A file that could not be written: a full disk, a quota, a file system that is read-only or fails."""

    exit_code = 5

    def __str__(self) -> str:
        return (
            f"{self.filename}: cannot be written ({self.strerror}); fix that, then run the same command to continue "
            "from the last checkpoint"
        )


class Interrupted(Failure):
    """A signal stopped the run after its checkpoint was written; `signum` tells which."""

    def __init__(self, signum: int, folder: Path):
        name = signal.Signals(signum).name
        super().__init__(f"stopped by {name}; the checkpoint in {folder} is complete, run the same command to go on")
        self.signum = signum

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """128 and the signal's number, as shells have it."""
        return 128 + self.signum


def did_you_mean(name: object, known: Iterable[str], prefix: str = "") -> str:
    """The end of a message about an unknown name that suggests the closest known one, or nothing."""
    names = {one.lower(): one for one in known}
    close = difflib.get_close_matches(str(name).lower(), names, n=1)
    return f"; did you mean {prefix}{names[close[0]]}?" if close else ""


def one_of(name: object, known: Iterable[str], prefix: str = "") -> str:
    """What a message about an unknown name says was expected, with the closest of the known ones after `prefix`."""
    names = list(known)
    return f"expected one of {', '.join(names)}{did_you_mean(name, names, prefix)}"
