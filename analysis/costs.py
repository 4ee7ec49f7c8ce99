"""Read the study of what the gradient methods cost: results/<scale>/complexity (columns, units: results/README.md).

Predicted by formula, counted by a compiler, measured by a clock: a row of costs.csv holds all three of one point.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis.scope import LoadError

FOLDER = "complexity"
NOT_STUDIED = "no cost study in this scale: nothing was predicted, counted or measured"
RECORD = "complexity.json"
SCHEMA = 1
RECORD_KEYS = ("device", "device_name", "threads", "wall_s", "versions")
# A sweep varies one of these sizes; their symbols as in the text.
SYMBOLS = {"layers": "L", "hidden": "N", "inputs": "D", "batch": "B", "unroll": "M", "episode": "T"}
SERIES = ["sweep", "method", "cell"]  # a row of these at each value of the sweep's axis


class _File(NamedTuple):
    """Columns of one file: texts, numbers, and which of both are never empty; texts that allow a few words only."""

    text: list[str]
    numbers: list[str]
    required: list[str]
    words: dict[str, tuple[str, ...]]


_COSTS = (
    "predicted_state_bytes predicted_peak_bytes predicted_flops_per_step"
    " counted_flops_per_step counted_bytes_per_step counted_peak_bytes"
    " measured_step_s measured_step_s_low measured_step_s_high repeats measured_peak_bytes"
).split()
FILES = {
    "costs": _File(
        ["sweep", "axis", "method", "cell", "implementation", "device", "note"],
        [*SYMBOLS, *_COSTS],
        ["sweep", "axis", "method", "cell", *SYMBOLS],
        {"axis": tuple(SYMBOLS)},
    ),
    "theory": _File(
        ["sweep", "method", "cell", "axis", "quantity", "leading_term"],
        ["exponent"],
        ["sweep", "method", "cell", "axis", "quantity", "exponent"],
        {"axis": tuple(SYMBOLS), "quantity": ("flops", "memory")},
    ),
    "limits": _File(
        ["method", "cell"],
        ["layers", "inputs", "batch", "memory_gb", "largest_hidden", "bytes_per_slot"],
        ["method", "cell", "layers", "batch", "memory_gb"],
        {},
    ),
    "crossovers": _File(
        ["kind", "cell", "basis", "text"],
        ["layers", "hidden", "inputs", "batch", "value"],
        ["kind", "cell", "layers", "hidden", "basis"],
        {"kind": ("episode", "unroll"), "basis": ("predicted", "measured")},
    ),
}


@dataclass(frozen=True)
class Costs:
    """The study of one scale; every frame is empty, and so is the record, where it was not made.

    `points` are the rows of costs.csv, `record` is complexity.json. Texts that are missing are "", numbers nan.
    """

    points: pd.DataFrame
    theory: pd.DataFrame
    limits: pd.DataFrame
    crossovers: pd.DataFrame
    record: Mapping[str, Any]


def read_costs(root: Path) -> Costs:
    """The study below a results folder. LoadError names the file, what is wrong with it, and the fix."""
    folder = root / FOLDER
    paths = {name: folder / f"{name}.csv" for name in FILES}
    if not any(path.exists() for path in (folder / RECORD, *paths.values())):
        record, frames = {}, {name: pd.DataFrame(columns=[*file.text, *file.numbers]) for name, file in FILES.items()}
    else:
        record = _record(folder / RECORD)
        frames = {name: _table(path, FILES[name]) for name, path in paths.items()}
        _one_axis_a_sweep(paths["costs"], frames["costs"])
    return Costs(frames["costs"], frames["theory"], frames["limits"], frames["crossovers"], record)


def _refused(path: Path, problem: str) -> LoadError:
    return LoadError(
        f"{path}: {problem}; make the folder again with python -m rtrl_bench complexity --config FILE --out"
        f" {path.parent}, or remove it"
    )


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _refused(path, "is missing: the cost study has not finished") from None
    except (OSError, ValueError) as error:
        raise _refused(path, f"cannot be read as JSON ({error})") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or record.get("status") != "complete":
        raise _refused(path, f"expected an object with schema {SCHEMA} and status 'complete'")
    missing = [key for key in RECORD_KEYS if key not in record]
    if missing:
        raise _refused(path, f"no key {', '.join(missing)}")
    return record


def _table(path: Path, file: _File) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise _refused(path, f"is missing, and {RECORD} is there") from None
    except (OSError, ValueError) as error:
        raise _refused(path, f"not a CSV table ({error})") from error
    missing = [column for column in (*file.text, *file.numbers) if column not in frame]
    if missing:
        raise _refused(path, f"no column {', '.join(missing)}")
    frame = frame[[*file.text, *file.numbers]]
    for column in file.required:
        _check(path, frame, column, frame[column] == "", "a value")
    for column, words in file.words.items():
        _check(path, frame, column, ~frame[column].isin(words), " or ".join(words))
    numbers = frame[file.numbers].replace("", "nan").apply(pd.to_numeric, errors="coerce")
    for column in file.numbers:
        written = frame[column] != ""
        _check(path, frame, column, written & numbers[column].isna(), "a number")
        if column != "exponent":
            _check(path, frame, column, numbers[column] < 0, "a number of at least 0")
        if column in SYMBOLS:
            _check(path, frame, column, numbers[column] == 0, "a number above 0")
    return pd.concat([frame[file.text], numbers], axis="columns")


def _check(path: Path, frame: pd.DataFrame, column: str, wrong: pd.Series, expected: str) -> None:
    """Refuse the first row that is `wrong`."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise _refused(path, f"line {row + 2}, column {column}: {frame[column].iloc[row]!r}, expected {expected}")


def _one_axis_a_sweep(path: Path, points: pd.DataFrame) -> None:
    """Exponents are of one quantity with all else fixed: a method has each value of its sweep's axis once."""
    for (sweep, method, cell), series in points.groupby(SERIES):
        axis = series["axis"].iloc[0]
        twice = series[axis][series[axis].duplicated()]
        if series["axis"].nunique() > 1 or len(twice):
            where = f"sweep {sweep!r}, method {method!r}, cell {cell!r}"
            what = f"two rows with {axis} = {twice.iloc[0]:g}" if len(twice) else "more than one axis"
            raise _refused(path, f"{where}: {what}, expected a sweep of one quantity with all else fixed")
