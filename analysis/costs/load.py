"""What the files of a cost study say, as rows (columns and units: results/README.md).

A row of costs.csv holds what was predicted, counted and measured of one point.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.costs import SUITES
from analysis.records import Run, Unusable, read_csv
from rtrl_bench.experiments.costs import tables

NOT_STUDIED = "no finished cost study in this scale: nothing was predicted, counted or measured"
# A sweep varies one of these sizes; their symbols as in the text.
SYMBOLS = {"layers": "L", "hidden": "N", "inputs": "D", "batch": "B", "unroll": "M", "episode": "T"}
SERIES = ["sweep", "gradient", "cell"]  # a row of these at each value of the sweep's axis
# Frame: file and columns; those of TEXTS hold text, all others numbers.
STUDY_FILES = {
    "points": ("costs.csv", tables.COSTS),
    "theory": ("theory.csv", tables.THEORY),
    "limits": ("limits.csv", tables.LIMITS),
    "crossovers": ("crossovers.csv", tables.CROSSOVERS),
}
TEXTS = {*"sweep axis method cell implementation device note quantity leading_term kind basis text".split()}
KEYS = ("device", "device_name", "threads", "wall_s", "versions")
RENAMED = {"method": "gradient"}  # as the frames of every kind have it
FRAMES = {
    "studies": ["folder", *KEYS, "peak_low", "peak_median", "peak_high"],
    **{frame: ["study", *(RENAMED.get(c, c) for c in wanted)] for frame, (_, wanted) in STUDY_FILES.items()},
}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a study by frame."""
    frames: dict[str, Any] = {}
    for frame, (file, wanted) in STUDY_FILES.items():
        texts = [column for column in wanted if column in TEXTS]
        frames[frame] = read_csv(run.path / file, wanted, texts)[wanted].rename(columns=RENAMED)
        frames[frame].insert(0, "study", Path(run.folder).name)
    _check_sweeps(frames["points"])
    ratio = run.record.get("peak_ratio") or {}
    peaks = {f"peak_{which}": ratio.get(which) for which in ("low", "median", "high")}
    frames["studies"] = {"folder": run.folder, **run.keys(KEYS), **peaks}
    frames["index"] = {"suite": SUITES["costs"], "task": f"{len(frames['points'])} points"}
    return frames


def finish(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Of several studies the sweeps have the studies' names before their own, so that none is taken for another's."""
    if len(frames["studies"]) < 2:
        return {}
    return {
        name: frames[name].assign(sweep=frames[name]["study"] + ": " + frames[name]["sweep"])
        for name in ("points", "theory")
    }


def _check_sweeps(points: pd.DataFrame) -> None:
    """Exponents are of one quantity with all else fixed: a method has each value of its sweep's axis once."""
    for (sweep, gradient, cell), series in points.groupby(SERIES):
        axis = series["axis"].iloc[0]
        if series["axis"].nunique() > 1 or axis not in SYMBOLS or series[axis].duplicated().any():
            where = f"costs.csv, sweep {sweep!r}, method {gradient!r}, cell {cell!r}"
            raise Unusable(f"{where}: expected one axis ({', '.join(SYMBOLS)}) and each of its values once")
