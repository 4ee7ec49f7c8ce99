"""The first thing Snakemake does: read the scale, or stop with one message. Writes nothing of the results."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from rtrl_bench.errors import ConfigError
from workflow.scripts.scales import Scale, explain, load_scale
from workflow.scripts.sources import ROOT

NOTES = ".snakemake"


def start(settings: Mapping[str, Any], main: bool) -> Scale:
    """The scale named in `settings`; `main`: not a job on another machine, which has been told all that before."""
    _prepare_jobs()
    try:
        scale = load_scale(settings)
    except ConfigError as error:
        stop(str(error))
    if main and not _writable(Path(NOTES)):
        stop(
            f"{Path(NOTES).absolute()}: cannot be written, and Snakemake keeps its notes there; choose another working "
            "directory: snakemake -d DIR"
        )
    if scale.missing and main:
        print(f"left out of this run: {explain(scale.missing)}", file=sys.stderr)
    return scale


def _writable(folder: Path) -> bool:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def _prepare_jobs() -> None:
    """Give jobs the Python that runs Snakemake, this project's packages, and text in UTF-8, wherever they run."""
    for name, first in (("PATH", Path(sys.executable).parent), ("PYTHONPATH", ROOT)):
        os.environ[name] = os.pathsep.join(filter(None, [str(first), os.environ.get(name)]))
    os.environ["PYTHONUTF8"] = "1"


def stop(message: str) -> NoReturn:
    """End Snakemake with one message, exit code 2; SystemExit passes through it without a traceback."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
