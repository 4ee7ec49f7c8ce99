"""Read a results folder into tidy data frames (columns and units: results/README.md).

Everything known about a run comes from its files, never from their names. A run that is unfinished, damaged, a
duplicate or not part of the scale is left out of the numbers and listed, with the reason, in the frame `problems`.
Of two runs that are equal but for measurements along the way, that which measured stays.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from analysis import kinds, scope
from analysis.records import Run, Unusable, read_run
from analysis.scope import LoadError
from rtrl_bench.experiments import KINDS

# What the page says of every run of every kind: whether it is `lent`, which is no result, `suite`, `task` and what
# follows as far as a kind says it, then the keys of its record.
INDEX = (
    "kind lent suite task environment gradient cell gradient_options layers unroll seed backend env_frames score"
    " budget_fraction"
).split()
RECORD = (
    "config wall_s device device_name versions machine git_revision git_dirty resumes exact_resume started_utc"
    " finished_utc"
).split()
FOREIGN = "not part of this scale"
PARTS = ("scale.json", "runs")  # of a results folder, one of them at least
COMMON = {"index": ["folder", *INDEX, *RECORD], "problems": ["folder", "reason"]}


@dataclass(frozen=True, eq=False)
class Results:
    """One results folder: `frames` by name are those of every kind, `index` (a row per run), `problems`, `missing`."""

    root: Path
    scale: str
    frames: Mapping[str, pd.DataFrame]

    def __getitem__(self, frame: str) -> pd.DataFrame:
        return self.frames[frame]

    def absence(self, suite: str, environment: str = "") -> str:
        """Why a suite, or one environment of it, has no rows."""
        missing = self["missing"][self["missing"]["suite"] == suite]
        reasons = missing.loc[missing["name"].eq(environment) | (environment == ""), "reason"].unique()
        return "; ".join(reasons) or "no finished run at this scale"


def load(root: str | Path, scale: str | None = None) -> Results:
    """Read all runs of all kinds below `root`; `scale` is the folder's name unless given.

    Where the workflow has written scale.json, only the runs that it lists count. Raises LoadError when `root` is no
    results folder, or when one of its own files (scale.json, missing.json, ...) is damaged.
    """
    root = Path(root)
    _check_results_folder(root)
    listed = scope.listed_runs(root)
    loaders = {kind: _loader(kind) for kind in kinds.kinds()}
    columns = {**COMMON, **{name: wanted for loader in loaders.values() for name, wanted in loader.FRAMES.items()}}
    folders = _run_folders(root, listed)
    runs, made = list[Run](), dict[str, dict[str, Any]]()
    for folder in folders:
        try:
            runs.append(_run(root, folder, listed, loaders))
        except Unusable as error:
            made[folder] = _problem(folder, error)
    seen: dict[tuple[str, ...], str] = {}
    for run in sorted(runs, key=lambda run: not run.config.get("gradient_quality")):  # of two, that which measured
        lent = bool(listed and listed.get(run.folder))
        # What has no seed measures the machine.
        repeat = run.config["seed"] if "seed" in run.config else run.record.get("device_name")
        key = (run.setting(), json.dumps([repeat, run.config.get("truncation"), lent], sort_keys=True))
        try:
            if key in seen:
                raise Unusable(f"same configuration and seed as {seen[key]}: counted once")
            frames_of = loaders[kind := run.record["kind"]].read(run, lent=lent)
            index = {"folder": run.folder, "kind": kind, "lent": lent, **run.common(RECORD), **frames_of["index"]}
            made[run.folder], seen[key] = {**frames_of, "index": index}, run.folder
        except Unusable as error:
            made[run.folder] = _problem(run.folder, error)
    rows: dict[str, list[Any]] = {name: [] for name in columns}
    for folder in folders:
        for name, more in made[folder].items():
            rows[name].append(more)
    frames = {name: _frame(rows[name], wanted) for name, wanted in columns.items()}
    frames["missing"] = scope.missing(root)
    for kind, loader in loaders.items():
        frames |= {name: _table(root / file) for name, file in getattr(kinds.about(kind), "FILES", {}).items()}
        frames |= loader.finish(frames) if hasattr(loader, "finish") else {}
    kind = pd.Categorical(frames["index"]["kind"], categories=list(loaders))
    frames["index"] = frames["index"].assign(kind=kind).sort_values(["kind", "suite", "task"], kind="stable")
    return Results(root, scale or root.resolve().name, frames)


def _loader(kind: str) -> ModuleType:
    loader = kinds.part(kind, "load")
    assert loader is not None  # or it would be no kind
    return loader


def _run(root: Path, folder: str, listed: Mapping[str, bool] | None, loaders: Mapping[str, ModuleType]) -> Run:
    """The run in a folder, if it is of a known kind and, of those that scales ask for, one of this scale."""
    foreign = listed is not None and folder not in listed
    try:
        run = read_run(root, folder)
    except Unusable as error:
        if foreign:
            raise Unusable(FOREIGN) from error
        raise
    kind = run.record["kind"]
    if kind not in loaders:
        raise Unusable(f"run.json: kind is {kind!r}, which the analysis does not know")
    if foreign and kind in KINDS:
        raise Unusable(FOREIGN)
    return run


def _problem(folder: str, reason: Unusable) -> dict[str, Any]:
    return {"problems": {"folder": folder, "reason": str(reason)}}


def _run_folders(root: Path, listed: Mapping[str, bool] | None) -> list[str]:
    """Folders that hold, or should hold, a run. Checkpoints have files of their own and are not runs."""
    files = [file for name in ("config.yaml", "run.json") for file in (root / PARTS[1]).rglob(name)]
    found = {file.parent.relative_to(root).as_posix() for file in files} | {*(listed or ())}
    return sorted(folder for folder in found if "checkpoint" not in Path(folder).parts)


def _frame(parts: list[Any], columns: list[str]) -> pd.DataFrame:
    """Rows, or frames one below the other, with at least these columns; null becomes nan."""
    if parts and isinstance(parts[0], pd.DataFrame):
        frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        return frame.reindex(columns=[*dict.fromkeys([*columns, *frame.columns])])
    frame = pd.DataFrame(parts, columns=columns)
    return frame.where(frame.notna(), math.nan).infer_objects()


def _table(path: Path) -> pd.DataFrame:
    """A table that lies in the results folder itself; empty where it does not."""
    try:
        return pd.read_csv(path) if path.exists() else pd.DataFrame()
    except ValueError as error:
        raise LoadError(f"{path}: not a CSV table ({error}); remove it and run the workflow again") from error


def _check_results_folder(root: Path) -> None:
    if not root.is_dir():
        raise LoadError(f"{root}: expected a results folder (results/<scale>); run the workflow first")
    if not _is_results_folder(root):
        near = [path for path in (*root.parents, *sorted(root.iterdir())) if _is_results_folder(path)]
        hint = f"; did you mean {near[0]}?" if near else ""
        raise LoadError(f"{root}: expected a results folder (results/<scale>), with one of {', '.join(PARTS)}{hint}")


def _is_results_folder(path: Path) -> bool:
    return any((path / name).exists() for name in PARTS)
