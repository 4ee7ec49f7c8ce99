"""Read a results folder into tidy data frames (columns and units: results/README.md).

Everything known about a run comes from its files, never from its path. A run that is unfinished, damaged, a duplicate
or not part of the scale is left out of the numbers and listed, with the reason, in `Results.problems`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import scope
from analysis.costs import Costs, read_costs
from analysis.records import (
    COPY_RUN_KEYS,
    CURVE_COLUMNS,
    GRADIENT_COLUMNS,
    QUALITY_KEYS,
    RUN_KEYS,
    Unusable,
    read_curve,
    read_evaluation,
    read_gradient,
    read_quality,
    read_record,
)
from analysis.scope import LoadError, Missing
from rtrl_bench.runs.settings import decisive

SUITES = ("atari", "procgen", "memory", "dmlab", "copy_task")
PARTS = ("scale.json", "runs", "copy_task", "complexity")  # of a results folder, one of them at least
# What may differ between two runs that are "equal but for the gradient", and between two of the same design.
GRADIENT_KEYS = ("gradient", "window")
DESIGN_KEYS = (*GRADIENT_KEYS, "cell", "retention")

_RUN_SETTINGS = ["gradient", "cell", "window", "unroll", "retention", "seed"]
RUN_COLUMNS = [
    "folder",
    *RUN_KEYS,
    *_RUN_SETTINGS,
    *("layers", "carried_bytes", *(f"gradient_{key}" for key in QUALITY_KEYS)),
    *("pretrained", "delay", "options", "other_options", "machine", "versions", "setting", "pairing", "design"),
    *("score", "score_std_over_sets", "evaluation_episodes", "evaluation_truncated", "life_score", "evaluation_lives"),
    "memory_task",
]
_NULLABLE_NUMBERS = {
    "retention",
    "delay",
    "paper_env_steps",
    "budget_fraction",
    "updates_to_100",
    "unroll",
    "carried_bytes",
}
_NO_SETTING = ("seed", "pretrained", "gradient_quality")  # comparing gradients along the way changes nothing
EVALUATION_COLUMNS = (
    "folder environment method unroll seed set_seed episodes return_mean return_std return_min return_max"
    " length_mean truncated"
).split()
_COPY_SETTINGS = ["update", "unroll", "hidden", "batch", "retention", "learning_rate", "seed"]
COPY_COLUMNS = ["folder", *COPY_RUN_KEYS, *_COPY_SETTINGS, "versions", "setting"]


@dataclass(frozen=True)
class Results:
    """One results folder. `configs` maps a run's folder (relative to `root`) to its full configuration."""

    root: Path
    scale: str
    runs: pd.DataFrame  # one row per complete training run (RUN_COLUMNS)
    pretraining: pd.DataFrame  # likewise for the runs that only lend their vision stem to others
    evaluations: pd.DataFrame  # one row per run and evaluation set (EVALUATION_COLUMNS)
    curves: pd.DataFrame  # one row per run and log interval: folder + CURVE_COLUMNS
    gradients: pd.DataFrame  # one row per run and measurement of its gradient: folder + GRADIENT_COLUMNS
    copy_runs: pd.DataFrame  # one row per complete copy-task run (COPY_COLUMNS)
    problems: pd.DataFrame  # folder, reason
    fidelity: pd.DataFrame  # the embedded levels beside recordings of the engine; empty where it was not measured
    costs: Costs  # what the gradient methods cost; empty where it was not studied
    configs: Mapping[str, Mapping[str, Any]]
    missing: tuple[Missing, ...]  # environments of the scale that could not be run

    @property
    def absent_suites(self) -> list[str]:
        """Suites of the project of which this folder holds no complete run."""
        present = set(self.runs["suite"]) | ({"copy_task"} if len(self.copy_runs) else set())
        return [suite for suite in SUITES if suite not in present]

    def absence(self, suite: str) -> str:
        """Why a suite has no rows."""
        reasons = dict.fromkeys(one.reason for one in self.missing if one.suite == suite)
        return "; ".join(reasons) or "no complete run of this kind in this scale"


def load(root: str | Path, scale: str | None = None) -> Results:
    """Read all runs below `root`/runs and `root`/copy_task; `scale` is the folder's name unless given.

    Where the workflow has written scale.json, only the runs that it lists count, and those of its pre-training are no
    results. Raises LoadError when `root` is no results folder, or when scale.json, missing.json, rooms_fidelity.csv or
    a file of the cost study is damaged.
    """
    root = Path(root)
    _check_results_folder(root)
    runs: list[dict[str, Any]] = []
    pretraining: list[dict[str, Any]] = []
    evaluations: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    gradients: list[pd.DataFrame] = []
    copies: list[dict[str, Any]] = []
    problems: list[dict[str, str]] = []
    configs: dict[str, Mapping[str, Any]] = {}
    seen: dict[tuple[str, int], str] = {}
    listed, stems = scope.listed_runs(root)
    for folder in sorted(_run_folders(root) | (listed or set()) | stems):
        path = root / folder
        try:
            if listed is not None and folder not in listed | stems:
                raise Unusable("not part of this scale")
            record, config = read_record(path)
            if record.get("kind") == "stem":
                continue  # has accuracies in place of a score
            if folder in stems:
                pretraining.append(_run_row(folder, record, config, read_evaluation(path, record)))
                continue
            key = (_setting(config, record), config["seed"])
            if key in seen:
                raise Unusable(f"same configuration and seed as {seen[key]}: counted once")
            if record.get("kind") == "copy_task":
                copies.append(_copy_row(folder, record, config))
            else:
                sets = read_evaluation(path, record)
                curve, gradient = read_curve(path), read_gradient(path, record)
                row = _run_row(folder, record, config, sets)
                runs.append(row)
                evaluations += [{**{k: row[k] for k in EVALUATION_COLUMNS[:5]}, **_set_row(s)} for s in sets]
                curves.append(curve.assign(folder=folder))
                gradients += [gradient.assign(folder=folder)] if len(gradient) else []
            seen[key] = folder
            configs[folder] = config
        except Unusable as error:
            problems.append({"folder": folder, "reason": str(error)})
    return Results(
        root=root,
        scale=scale or root.resolve().name,
        runs=_runs(runs),
        pretraining=_runs(pretraining),
        evaluations=_frame(evaluations, EVALUATION_COLUMNS),
        curves=pd.concat(curves, ignore_index=True) if curves else _frame([], ["folder", *CURVE_COLUMNS]),
        gradients=pd.concat(gradients, ignore_index=True) if gradients else _frame([], ["folder", *GRADIENT_COLUMNS]),
        copy_runs=_frame(copies, COPY_COLUMNS),
        problems=_frame(problems, ["folder", "reason"]),
        fidelity=_fidelity(root / "rooms_fidelity.csv"),
        costs=read_costs(root),
        configs=configs,
        missing=scope.missing(root),
    )


def _check_results_folder(root: Path) -> None:
    if not root.is_dir():
        raise LoadError(f"{root}: expected a results folder (results/<scale>); run the workflow first")
    if not _is_results_folder(root):
        near = [path for path in (*root.parents, *sorted(root.iterdir())) if _is_results_folder(path)]
        hint = f"; did you mean {near[0]}?" if near else ""
        raise LoadError(
            f"{root}: expected a results folder (results/<scale>), with one of {', '.join(PARTS)} in it{hint}"
        )


def _is_results_folder(path: Path) -> bool:
    return any((path / name).exists() for name in PARTS)


def _frame(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=columns)
    for column in _NULLABLE_NUMBERS & set(columns):
        frame[column] = pd.to_numeric(frame[column])  # null becomes nan, also where every run has null
    return frame


def _fidelity(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame()
    try:
        return pd.read_csv(path)
    except ValueError as error:
        raise LoadError(f"{path}: not a CSV table ({error}); remove it and run the workflow again") from error


def _run_folders(root: Path) -> set[str]:
    """Folders that hold, or should hold, a run; checkpoints have files of their own and are not runs."""
    return {
        file.parent.relative_to(root).as_posix()
        for part in ("runs", "copy_task")
        for name in ("config.yaml", "run.json")
        for file in (root / part).rglob(name)
        if "checkpoint" not in file.relative_to(root).parts
    }


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def _setting(config: Mapping[str, Any], record: Mapping[str, Any], also: tuple[str, ...] = ()) -> str:
    """Ten hex digits shared by the runs that differ in seed and machine alone (and in the keys `also`)."""
    kept = {k: v for k, v in decisive(config).items() if k not in (*_NO_SETTING, *also)}
    if kept.get("window") is not None and kept["window"] == kept.get("unroll"):
        kept["window"] = None  # two spellings of the same method
    stem = (record.get("pretrained") or {}).get("fingerprint")
    return _digest(kept, record.get("kind"), record.get("backend"), stem)


def _runs(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The runs, and whether each belongs to the memory study; what does not is a run like any other.

    Of an environment in suite memory its runs do if all of them have a delay and a score that may be a success rate:
    the reward is 1 for the right answer and 0 otherwise, once an episode.
    """
    runs = _frame(rows, RUN_COLUMNS)
    fitting = (runs["suite"] == "memory") & runs["delay"].notna() & runs["score"].between(0, 1)
    return runs.assign(memory_task=fitting.groupby(runs["environment"]).transform("all").astype(bool))


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _run_row(
    folder: str, record: Mapping[str, Any], config: Mapping[str, Any], sets: list[dict[str, Any]]
) -> dict[str, Any]:
    options = config.get("environment_options") or {}
    others = {key: value for key, value in options.items() if key != "delay"}
    per_set = pd.Series([pd.Series(s["returns"], dtype=float).mean() for s in sets])
    returns = [value for s in sets for value in s["returns"]]
    lives = [value for s in sets for game in s.get("life_returns") or () for value in game]
    score = math.fsum(returns) / len(returns)
    return {
        "folder": folder,
        **{key: record[key] for key in RUN_KEYS},
        **{key: config.get(key) for key in _RUN_SETTINGS},
        "layers": config.get("layers") or 1,
        "carried_bytes": record.get("carried_bytes"),
        **{f"gradient_{key}": value for key, value in read_quality(record).items()},
        "pretrained": json.dumps(record["pretrained"], sort_keys=True) if record.get("pretrained") else "",
        "delay": _number(options.get("delay")),
        "options": json.dumps(options, sort_keys=True),
        "other_options": json.dumps(others, sort_keys=True),
        "machine": json.dumps(record["machine"], sort_keys=True),
        "versions": json.dumps(record["versions"], sort_keys=True),
        "setting": _setting(config, record),
        "pairing": _setting(config, record, GRADIENT_KEYS),
        "design": _setting({**config, "environment_options": others}, record, DESIGN_KEYS),
        "score": score,
        "score_std_over_sets": per_set.std(),
        "evaluation_episodes": len(returns),
        "evaluation_truncated": sum(int(s.get("truncated", 0)) for s in sets),
        "life_score": math.fsum(lives) / len(lives) if lives else math.nan,
        "evaluation_lives": len(lives),
    }


def _set_row(one: Mapping[str, Any]) -> dict[str, Any]:
    returns = pd.Series(one["returns"], dtype=float)
    return {
        "set_seed": one.get("seed"),
        "episodes": len(returns),
        "return_mean": returns.mean(),
        "return_std": returns.std(),
        "return_min": returns.min(),
        "return_max": returns.max(),
        "length_mean": pd.Series(one["lengths"], dtype=float).mean(),
        "truncated": one.get("truncated", 0),
    }


def _copy_row(folder: str, record: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "folder": folder,
        **{key: record[key] for key in COPY_RUN_KEYS},
        **{key: config.get(key) for key in _COPY_SETTINGS},
        "versions": json.dumps(record["versions"], sort_keys=True),
        "setting": _setting(config, record),
    }
