"""Whether the reference results can be had again: `make verify-reference`.

    python -m analysis.verify targets                     the files of the subset that is run again, for Snakemake
    python -m analysis.verify compare --runs FOLDER       the reference's tables made anew, and the subset beside it
    python -m analysis.verify tables --reference FOLDER   the tables alone, for a scale whose runs take too long

A kind's `verify.py` names its part of the subset. Tolerances are for another machine and other threads: arithmetic
differs in the last digit, and training grows that into another run of the same kind. So a group of runs is held to its
mean score, a budget to the step unless a run ends when its task is solved, and what involves no training to a
millionth.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import kinds, tables
from rtrl_bench.system.output import own_the_standard_streams

REFERENCE = Path("results/reference/laptop")
REPEATED = Path("results/verify/laptop")
EXACT = 1e-6  # relative, for numbers that no training is behind


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone; `tolerance` of their mean score, None where it is not compared.

    `until_solved`: they end then, so that their updates are no budget.
    """

    folder: str
    seeds: int
    tolerance: float | None = None
    score: str = "evaluation.mean"
    until_solved: bool = False


@dataclass(frozen=True)
class Line:
    """One thing compared."""

    what: str
    reference: str
    here: str
    allowed: str
    holds: bool


def subset() -> list[Group]:
    """The groups of all kinds."""
    parts = [kinds.part(kind, "verify") for kind in kinds.kinds()]
    return [group for part in parts if part is not None for group in part.REPEATED]


def records() -> list[str]:
    """The run records of the subset, relative to the results folder."""
    return [f"{group.folder}/seed{seed}/run.json" for group in subset() for seed in range(group.seeds)]


def exact_files() -> list[str]:
    """Tables in the results folder that no training is behind, such as the replayed recordings of the engine."""
    return [file for kind in kinds.kinds() for file in getattr(kinds.about(kind), "FILES", {}).values()]


def same_tables(reference: Path) -> Iterator[Line]:
    """The reference's own records must give the tables that stand beside them."""
    with tempfile.TemporaryDirectory() as folder:
        if tables.main(["--runs", str(reference), "--out", folder]):
            raise SystemExit(2)
        for name in kinds.names("tables"):
            what = f"table {name}, from its records"
            if (reference / "tables" / f"{name}.csv").exists():
                yield _same_file(what, f"{name}.csv", reference / "tables", Path(folder))
            else:  # a table that came later
                yield Line(what, "not in the reference", "not compared", "", True)
        kept, made = ({path.stem for path in place.glob("*.csv")} for place in (reference / "tables", Path(folder)))
        for name in sorted(kept - made):
            yield Line(f"table {name}, from its records", "there", "no such table", "there", False)


def _same_file(what: str, name: str, reference: Path, here: Path) -> Line:
    kept, made = (pd.read_csv(place / name) for place in (reference, here))
    different = _different_cells(kept, made)
    return Line(what, f"{kept.size} cells", f"{different} differ", "0", not different)


def _different_cells(kept: pd.DataFrame, made: pd.DataFrame) -> int:
    if kept.shape != made.shape or list(kept.columns) != list(made.columns):
        return max(kept.size, made.size)
    return sum(not _same(a, b) for column in kept for a, b in zip(kept[column], made[column]))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=EXACT, abs_tol=1e-12)
    return bool(a == b)


def same_runs(reference: Path, here: Path) -> Iterator[Line]:
    """Each group of the subset: its configuration and budget, and where it is trained its score."""
    for group in subset():
        kept, made = (
            [
                json.loads((root / group.folder / f"seed{seed}" / "run.json").read_text(encoding="utf-8"))
                for seed in range(group.seeds)
            ]
            for root in (reference, here)
        )
        for what in ("fingerprint",) if group.until_solved else ("fingerprint", "updates"):
            old, new = ([record[what] for record in records] for records in (kept, made))
            yield Line(f"{group.folder}: {what}", _few(old), _few(new), "equal", old == new)
        if group.tolerance is not None:
            old_score, new_score = (_mean(records, group.score) for records in (kept, made))
            holds = abs(old_score - new_score) <= group.tolerance
            allowed = f"± {group.tolerance}"
            yield Line(f"{group.folder}: mean score", f"{old_score:.3f}", f"{new_score:.3f}", allowed, holds)


def _few(values: Sequence[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


def _mean(found: Sequence[dict[str, Any]], path: str) -> float:
    values: list[Any] = list(found)
    for key in path.split("."):
        values = [value[key] for value in values]
    return sum(values) / len(values)


def compare(reference: Path, here: Path) -> list[Line]:
    """Everything, line by line; OSError for a file that is missing."""
    exact = [_same_file(name, name, reference, here) for name in exact_files()]
    return [*same_tables(reference), *exact, *same_runs(reference, here)]


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 0 if everything holds, 1 if not, 2 with one line on stderr if it cannot be said."""
    options = argparse.ArgumentParser(prog="python -m analysis.verify")
    options.add_argument("action", choices=["targets", "compare", "tables"])
    options.add_argument("--reference", type=Path, default=REFERENCE, help=f"default: {REFERENCE}")
    options.add_argument("--runs", type=Path, default=REPEATED, help=f"default: {REPEATED}")
    chosen = options.parse_args(words)
    if chosen.action == "targets":
        print(*(chosen.runs / record for record in [*records(), *exact_files()]))
        return 0
    try:
        only_tables = chosen.action == "tables"
        lines = list(same_tables(chosen.reference)) if only_tables else compare(chosen.reference, chosen.runs)
    except (OSError, KeyError, ValueError) as error:
        print(f"analysis.verify: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    frame = pd.DataFrame([{**vars(line), "holds": "yes" if line.holds else "NO"} for line in lines])
    print(frame.to_string(index=False))
    broken = sum(not line.holds for line in lines)
    print(f"{len(lines) - broken} of {len(lines)} hold for {chosen.reference}")
    print("Not repeated: any training." if only_tables else "Not repeated: the training of every run not named above.")
    return 1 if broken else 0


if __name__ == "__main__":
    own_the_standard_streams()
    sys.exit(main())
