"""The files of a run folder (columns and units: results/README.md), and what they say of the machine. No torch here."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rtrl_bench import __version__
from rtrl_bench.system.files import write_whole
from rtrl_bench.system.machine import usable_cores

RECORD = "run.json"


def finished_record(folder: Path) -> dict[str, Any] | None:
    """The record of the finished run in `folder`; None if there is no finished run."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record if record["status"] == "complete" and record["fingerprint"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` as JSON; infinities and NaN are refused (ValueError), as JSON has none."""
    write_whole(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> None:
    """Write rows under `columns`; None becomes an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if v is None else f"{v:.7g}" if isinstance(v, float) else v for v in row] for row in rows)
    write_whole(path, buffer.getvalue().encode())


def now_utc() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(simulator: str | None = None, packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of what decides a run's numbers; `packages` (or modules) are those that the simulator's depend on."""
    found = {"python": platform.python_version()}
    found |= {name: _version(name) for name in ("torch", "numpy", "gymnasium", *packages)}
    found["rtrl_bench"] = __version__
    return found | ({"simulator": simulator} if simulator else {})


def _version(name: str) -> str:
    """Of an installed package; of a module that was imported and belongs to none, a digest of its source."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name not in sys.modules:
            raise
        module = sys.modules[name]
        folders = [Path(folder) for folder in getattr(module, "__path__", ())]  # several of a namespace package
        own = [Path(getattr(module, "__file__", None) or "")]
        files = [file for folder in folders for file in sorted(folder.rglob("*.py"))] or own
        sources = [file.read_bytes() for file in files if file.is_file()]
        return f"source {hashlib.sha256(b''.join(sources)).hexdigest()[:12] if sources else 'unknown'}"


def git_state() -> dict[str, str | bool | None]:
    """Revision of the code and whether its tracked files were changed; nulls outside of a git checkout."""

    def git(*words: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, encoding="utf-8", check=True
        ).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no") != ""
        return {"git_revision": git("rev-parse", "HEAD"), "git_dirty": dirty}
    except (OSError, subprocess.CalledProcessError):
        return {"git_revision": None, "git_dirty": None}


def machine() -> dict[str, str | int]:
    """Processor name and the cores that this process may use."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("model name"))
        name = next((line.partition(":")[2].strip() for line in lines), name)
    return {"cpu": name or platform.machine(), "cores": usable_cores()}
