"""Compiled maps of DeepMind Lab kept on disk, for every process and run of the user.

They are in the folder `dmlab` of the user's cache (see `user_cache.py`). Maps come with new seeds, so that the cache
would grow without end: a full one keeps what it has, as runs of the same seed meet the same maps in the same order, and
the oldest are the next to be asked for. Its files may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
import uuid
import warnings
from pathlib import Path

from rtrl_bench.system.user_cache import user_cache

LIMIT_BYTES = 4 << 30
ABANDONED_S = 3600.0  # a copy takes seconds: one of this age is of a process that was killed


def cache_folder() -> Path | None:
    """The cache's folder, made where it is not there; None, with a warning, where nothing can be written to it.

    Incomplete copies that killed processes left in it are removed on the way.
    """
    users = user_cache()
    folder = users and users / "dmlab"
    try:
        if folder is None:
            raise OSError("the user has no home folder to keep it in")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        _remove_abandoned(folder)
        return folder
    except OSError as error:
        warnings.warn(
            f"DMLab's level cache {folder or 'in ~/.cache'} cannot be used ({error}): every map is compiled anew, "
            "which takes seconds; set RTRL_BENCH_CACHE to a folder that can be written to",
            stacklevel=2,
        )
        return None


class LevelCache:
    """What `Lab(level_cache=...)` asks for maps. The simulator lends a path: files are copied from and to it.

    Both methods are called by the simulator, which an exception would end with the process. All that goes wrong
    therefore counts as a miss, and the first failure is told on stderr.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._told = False

    def fetch(self, key: str, pk3_path: str) -> bool:
        """Copy the map called `key` to `pk3_path`; whether it is there now."""
        try:
            shutil.copyfile(self._path(key), pk3_path)
            return True
        except FileNotFoundError:
            return False
        except Exception as error:
            with contextlib.suppress(OSError):
                os.unlink(pk3_path)  # an incomplete copy would be loaded
            self._tell(error)
            return False

    def write(self, key: str, pk3_path: str) -> None:
        """Keep a copy of `pk3_path` as the map called `key`; nobody ever sees an incomplete one."""
        aside = None
        try:
            path = self._path(key)
            if _size_bytes(self._folder) + os.path.getsize(pk3_path) > LIMIT_BYTES:
                return
            aside = path.with_name(f"{uuid.uuid4().hex}.part")
            with open(pk3_path, "rb") as source, open(aside, "wb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            os.replace(aside, path)
        except Exception as error:
            self._tell(error)
            if aside is not None:
                with contextlib.suppress(OSError):
                    aside.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.pk3"  # keys are no file names

    def _tell(self, error: Exception) -> None:
        if not self._told:
            print(f"rtrl-bench: DMLab's level cache {self._folder} fails, going on: {error}", file=sys.stderr)
        self._told = True


def _size_bytes(folder: Path) -> int:
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # another process's copy, complete and renamed by now
                size += entry.stat().st_size
    return size


def _remove_abandoned(folder: Path) -> None:
    for copy in folder.glob("*.part"):
        with contextlib.suppress(OSError):  # another process removes it as well, or it is somebody else's
            if time.time() - copy.stat().st_mtime > ABANDONED_S:
                copy.unlink()
