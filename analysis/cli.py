"""The command line that the programs of the analysis share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.load import LoadError, Results, load
from rtrl_bench.system.output import own_the_standard_streams


def run(program: str, write: Callable[[Results, Path], Sequence[Path]], arguments: Sequence[str] | None) -> int:
    """`python -m analysis.<program>`: load a results folder, `write` something of it, say on stderr what was left out.

    Returns the exit code: 0, or 2 with one line on stderr.
    """
    parser = argparse.ArgumentParser(prog=f"python -m analysis.{program}")
    parser.add_argument("--runs", type=Path, required=True, help="results folder, e.g. results/laptop")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--scale", help="name of the scale (default: the name of the results folder)")
    options = parser.parse_args(arguments)
    try:
        results = load(options.runs, options.scale)
        for _, problem in results["problems"].iterrows():
            print(f"left out: {problem['folder']}: {problem['reason']}", file=sys.stderr)
        files = write(results, options.out)
    except (LoadError, OSError) as error:
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"analysis.{program}: {why}", file=sys.stderr)
        return 2
    print(f"{len(results['index'])} runs: {len(files)} files in {options.out}")
    return 0


def main(program: Callable[[], int]) -> int:
    """A program as a process of its own."""
    own_the_standard_streams()
    return program()
