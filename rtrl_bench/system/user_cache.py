"""Where what is slow to make is kept from run to run: DMLab's maps, compiled kernels. It may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path | None:
    """The folder, made or not: $RTRL_BENCH_CACHE, or else `rtrl-bench` in $XDG_CACHE_HOME or in ~/.cache.

    None where the user has no home folder to find it in, as a container's user without a name.
    """
    own, caches = os.environ.get("RTRL_BENCH_CACHE"), os.environ.get("XDG_CACHE_HOME")
    folder = Path(own) if own else Path(caches or "~/.cache") / "rtrl-bench"
    try:
        return folder.expanduser().absolute()  # looks for a home only where the path has a ~
    except RuntimeError:
        return None
