"""Memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_resident_bytes() -> int:
    """The most main memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's size at the fork as well
        return next(1024 * int(line.split()[1]) for line in status.open() if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
