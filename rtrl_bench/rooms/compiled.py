"""numba with the settings that all kernels of this package share."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

from rtrl_bench.system.user_cache import user_cache

HERE = Path(__file__).parent


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk where a folder for it is writable.

    Without fastmath, so that frames are the same on every processor; without the interpreter's lock.
    """
    folder = cache_folder()
    settings: Any = numba.config
    before, settings.CACHE_DIR = settings.CACHE_DIR, folder or ""
    try:
        compiler = numba.njit(cache=folder is not None, nogil=True, fastmath=False, error_model="numpy")
        return compiler(function)
    finally:
        settings.CACHE_DIR = before


@functools.cache
def cache_folder() -> str | None:
    """Where the machine code of this version of the package is kept; None, with a warning, if nowhere.

    The name holds a digest of all that is compiled in: numba would notice a change in a kernel, but not in what that
    kernel calls.
    """
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    for place in _places():
        folder = place / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    print("warning: no writable folder for compiled kernels: every process compiles for some seconds", file=sys.stderr)
    return None


def _places() -> Iterator[Path]:
    """Folders to try: beside the package, or else the user's cache."""
    yield HERE / "__pycache__"
    users = user_cache()
    if users is not None:
        yield users
