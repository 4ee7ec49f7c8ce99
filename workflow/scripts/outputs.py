"""What the analysis writes. Its tables and figures are found in its folders, as the analysis itself finds them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from analysis import kinds

STEPS = ("tables", "figures", "report")
CAPTION = ".rst"  # beside each table and figure


def made(folder: str, what: str) -> list[str]:
    """The files of the `tables` or `figures` in a folder, each in all its formats."""
    return [f"{folder}/{name}{suffix}" for name in kinds.names(what) for suffix in kinds.SUFFIXES[what]]


def records(folder: str) -> list[str]:
    """The loaded records that are written beside the tables."""
    return [f"{folder}/{name}.csv" for name in kinds.records()]


def captions(folder: str, what: str) -> list[str]:
    """The captions of the `tables` or `figures` in a folder."""
    return [f"{folder}/{name}{CAPTION}" for name in kinds.names(what)]


def say_how_to_do_without_the_rest(results: str) -> None:
    """After a failure: the commands that make tables, figures and page of the runs that are finished."""
    if Path(results, "scale.json").exists():
        commands = [
            shlex.join([sys.executable, "-m", f"analysis.{step}", f"--runs={results}", f"--out={results}/{step}"])
            for step in STEPS
        ]
        print("tables, figures and report of the runs that are finished:", *commands, sep="\n    ", file=sys.stderr)
