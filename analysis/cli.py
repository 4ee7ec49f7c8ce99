"""What the three programs of the analysis share on the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.load import Results


def parser(what: str) -> argparse.ArgumentParser:
    """The options that the three programs of the analysis share."""
    options = argparse.ArgumentParser(prog=f"python -m analysis.{what}")
    options.add_argument("--runs", type=Path, required=True, help="results folder, e.g. results/laptop")
    options.add_argument("--out", type=Path, required=True, help="folder to write into")
    options.add_argument("--scale", help="name of the scale (default: the name of the results folder)")
    return options


def announce(results: Results) -> None:
    """Say on stderr which runs were left out, and why."""
    for _, problem in results.problems.iterrows():
        print(f"left out: {problem['folder']}: {problem['reason']}", file=sys.stderr)
