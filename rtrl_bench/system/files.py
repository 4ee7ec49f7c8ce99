"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rtrl_bench.errors import ConfigError, Unwritable


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which is flushed and gets its name, `path`, at the end. For one writer per folder.

    A kill leaves `path`.part at most; what was there before stays until the end. An OSError becomes Unwritable, which
    names `path`.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise Unwritable(error.errno, error.strerror, str(path)) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` as `whole_file` does."""
    with whole_file(path) as file:
        file.write(data)


def check_output(path: Path) -> None:
    """ConfigError unless a file can be written at `path`."""
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {path}: expected a file in a folder that exists and can be written")
