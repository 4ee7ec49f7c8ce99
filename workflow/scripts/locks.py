"""Lets Snakemake start again by itself after one was killed, and never touches the lock of one that is alive.

Snakemake's own lock is a list of files, which a killed Snakemake leaves behind. The lock here is the kernel's: every
Snakemake of a folder shares it, and it ends with its process, however that ends. Who can have it alone is the only
one there, so that the lists that lie about are nobody's.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def share(folder: Path) -> None:
    """Share the lock of `folder` (.snakemake) until this process ends; before that, clear the lists of the dead."""
    folder.mkdir(exist_ok=True)
    handle = os.open(folder / "alive", os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # others are alive
        else:
            for path in (folder / "locks").glob("*.lock"):
                path.unlink()
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        os.close(handle)  # a file system without such locks: Snakemake says itself how to remove a list
