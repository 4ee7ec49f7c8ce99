"""One process at a time in an output folder, which is created, and removed again if nothing was written to it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rtrl_bench.errors import ConfigError
from rtrl_bench.system.output import say

NAME = ".lock"
NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # as on Lustre, unless it is mounted with -o flock


@contextmanager
def sole_writer(folder: Path, wait: bool = False) -> Iterator[None]:
    """Create `folder`, check that it can be written and keep other processes out of it; ConfigError if any of it fails.

    wait: if another process is at work in it, wait for its end instead of failing. If an exception leaves the folder
    empty, as a refused configuration does, the folders that were created are removed.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    _prepare(folder, made)
    with _locked(folder, wait, made):
        try:
            yield
        except BaseException:
            _remove_if_empty(folder, made)
            raise


def _prepare(folder: Path, made: list[Path]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        _remove_if_empty(folder, made)
        raise ConfigError(f"output folder {folder}: cannot be written ({error.strerror}); choose another") from error


@contextmanager
def _locked(folder: Path, wait: bool, made: list[Path]) -> Iterator[None]:
    busy = f"output folder {folder}: another process is at work in it"
    while True:
        with (folder / NAME).open("w", encoding="utf-8") as lock:
            if not _take(lock, wait=False):
                if not wait:
                    raise ConfigError(f"{busy}; wait or stop it")
                say(f"{busy}; waiting for its end")
                _take(lock, wait=True)
            if _is_there(folder, lock):
                yield
                return
        _prepare(folder, made)  # that process has taken its folder away


def _take(lock: TextIO, wait: bool) -> bool:
    """Whether the lock is ours now; also where the file system knows no locks, which is said."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        say(
            f"warning: {lock.name}: this file system has no locks ({error.strerror}); make sure that no other process "
            "works in this folder"
        )
    return True


def _is_there(folder: Path, lock: TextIO) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(folder / NAME), os.fstat(lock.fileno()))
    return False


def _remove_if_empty(folder: Path, made: list[Path]) -> None:
    """Remove the lock if nothing else is in `folder`, and then the folders that were made for it, innermost first."""
    with contextlib.suppress(OSError):
        if [path.name for path in folder.iterdir()] == [NAME]:
            (folder / NAME).unlink()
    for path in made:
        with contextlib.suppress(OSError):
            path.rmdir()  # refused where something is inside
