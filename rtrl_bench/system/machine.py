"""What this process has of the machine: cores, the memory that it holds, and what it may still take."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_resident_bytes() -> int:
    """The most main memory that this process has held so far."""
    peak = _kilobytes(Path("/proc/self/status"), "VmHWM")
    if peak is not None:  # getrusage would count the parent's size at the fork as well
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def restart_peak() -> int | None:
    """Let `peak_resident_bytes` count from here; returns what is held now, None where the system cannot (not Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return None
    return _kilobytes(Path("/proc/self/status"), "VmRSS")


def free_bytes() -> int | None:
    """Main memory that new work may take: the machine's, or what control groups leave of it; None if unknown."""
    free = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    if free is None:
        return None
    for group in _control_groups():
        limit, used = (_number(group / name) for name in ("memory.max", "memory.current"))
        if limit is not None and used is not None:
            free = min(free, max(0, limit - used))
    return free


def _control_groups() -> list[Path]:
    """The folders of this process's control group (version 2) and of those around it."""
    root, groups = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
    lines = groups.read_text(encoding="utf-8").splitlines() if groups.exists() else []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        return []
    return [root / own, *(root / parent for parent in Path(own).parents)]


def _kilobytes(path: Path, key: str) -> int | None:
    if not path.exists():
        return None
    return next(
        (1024 * int(line.split()[1]) for line in path.open(encoding="utf-8") if line.startswith(f"{key}:")), None
    )


def _number(path: Path) -> int | None:
    """The number in a file; None if there is none, as in memory.max without a limit."""
    text = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    return int(text) if text.isdigit() else None
