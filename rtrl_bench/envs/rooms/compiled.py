"""numba with the settings that all kernels of this package share."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

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
        machine_code: Callable[..., Any] = compiler(function)
        return machine_code
    finally:
        settings.CACHE_DIR = before


@functools.cache
def cache_folder() -> str | None:
    """Where the machine code of this version of the package is kept: beside it, or else in the user's cache folder.

    The name holds a digest of all sources: numba would notice a change in a kernel, but not in what that kernel calls.
    """
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for place in (HERE / "__pycache__", users / "rtrl-bench"):
        folder = place / f"kernels-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return None
