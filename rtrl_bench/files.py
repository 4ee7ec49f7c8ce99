"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rtrl_bench.errors import Unwritable


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside, flush it, and rename it. For one writer per folder: a kill leaves `path`.part at most.

    Unwritable names `path`; what was there before then still is.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise Unwritable(error.errno, error.strerror, str(path)) from error
