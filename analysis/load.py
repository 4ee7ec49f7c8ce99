"""Read a results folder into tidy data frames (columns and units: results/README.md).

Everything known about a run comes from its files, never from its path. A run that is unfinished, damaged or a
duplicate is left out of the numbers and listed, with the reason, in `Results.problems`.
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
import yaml

SCHEMA = 1
SUITES = ("atari", "procgen", "memory", "dmlab", "copy_task")
# Keys of a run's configuration that cannot change its result (the harness's fingerprint leaves them out too).
MACHINE_KEYS = ("device", "threads", "checkpoint_minutes", "tensorboard")
# What may differ between two runs that are "equal but for the gradient".
GRADIENT_KEYS = ("gradient", "window")

_COPIED = (
    "suite environment method backend env_steps env_frames updates episodes wall_s steps_per_s peak_bytes"
    " parameters device device_name threads git_revision git_dirty paper_env_steps budget_fraction resumes"
    " exact_resume started_utc finished_utc"
).split()
_COPIED_COPY_TASK = (
    "method max_length updates wall_s test_sequence_accuracy updates_to_100 git_revision device peak_bytes"
).split()
CURVE_COLUMNS = (
    "env_frames env_steps updates wall_s steps_per_s episode_return_mean episode_length_mean episodes"
    " loss_policy loss_baseline loss_entropy entropy grad_norm learning_rate"
).split()
_RUN_SETTINGS = ["gradient", "cell", "window", "unroll", "retention", "seed"]
RUN_COLUMNS = [
    "folder",
    *_COPIED,
    *_RUN_SETTINGS,
    *("delay", "options", "machine", "versions", "setting", "pairing"),
    *("score", "score_std_over_sets", "evaluation_episodes", "evaluation_truncated"),
]
_NULLABLE_NUMBERS = {"retention", "delay", "paper_env_steps", "budget_fraction", "updates_to_100", "unroll"}
EVALUATION_COLUMNS = (
    "folder environment method unroll seed set_seed episodes return_mean return_std return_min return_max"
    " length_mean truncated"
).split()
_COPY_SETTINGS = ["update", "unroll", "hidden", "batch", "retention", "learning_rate", "seed"]
COPY_COLUMNS = ["folder", *_COPIED_COPY_TASK, *_COPY_SETTINGS, "versions", "setting"]


class LoadError(ValueError):
    """A results folder that cannot be read at all."""


class _Unusable(ValueError):
    """Why one run cannot be used."""


@dataclass(frozen=True)
class Results:
    """One results folder. `configs` maps a run's folder (relative to `root`) to its full configuration."""

    root: Path
    scale: str
    runs: pd.DataFrame  # one row per complete training run (RUN_COLUMNS)
    evaluations: pd.DataFrame  # one row per run and evaluation set (EVALUATION_COLUMNS)
    curves: pd.DataFrame  # one row per run and log interval: folder + CURVE_COLUMNS
    copy_runs: pd.DataFrame  # one row per complete copy-task run (COPY_COLUMNS)
    problems: pd.DataFrame  # folder, reason
    configs: Mapping[str, Mapping[str, Any]]

    @property
    def missing_suites(self) -> list[str]:
        """Suites of the project of which this folder holds no complete run."""
        present = set(self.runs["suite"]) | ({"copy_task"} if len(self.copy_runs) else set())
        return [suite for suite in SUITES if suite not in present]


def load(root: str | Path, scale: str | None = None) -> Results:
    """Read all runs below `root`/runs and `root`/copy_task; `scale` is the folder's name unless given.

    Raises LoadError when `root` is not a folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise LoadError(f"{root}: expected a results folder (results/<scale>); run the workflow first")
    runs: list[dict[str, Any]] = []
    evaluations: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    copies: list[dict[str, Any]] = []
    problems: list[dict[str, str]] = []
    configs: dict[str, Mapping[str, Any]] = {}
    seen: dict[tuple[str, int], str] = {}
    for path in _run_folders(root):
        folder = path.relative_to(root).as_posix()
        try:
            record, config = _read_record(path)
            key = (_setting(config, record), config["seed"])
            if key in seen:
                raise _Unusable(f"same configuration and seed as {seen[key]}: counted once")
            if record.get("kind") == "copy_task":
                copies.append(_copy_row(folder, record, config))
            else:
                sets = _read_evaluation(path, record)
                curve = _read_curve(path)
                row = _run_row(folder, record, config, sets)
                runs.append(row)
                evaluations += [{**{k: row[k] for k in EVALUATION_COLUMNS[:5]}, **_set_row(s)} for s in sets]
                curves.append(curve.assign(folder=folder))
            seen[key] = folder
            configs[folder] = config
        except _Unusable as error:
            problems.append({"folder": folder, "reason": str(error)})
    return Results(
        root=root,
        scale=scale or root.resolve().name,
        runs=_frame(runs, RUN_COLUMNS),
        evaluations=_frame(evaluations, EVALUATION_COLUMNS),
        curves=pd.concat(curves, ignore_index=True) if curves else _frame([], ["folder", *CURVE_COLUMNS]),
        copy_runs=_frame(copies, COPY_COLUMNS),
        problems=_frame(problems, ["folder", "reason"]),
        configs=configs,
    )


def _frame(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=columns)
    for column in _NULLABLE_NUMBERS & set(columns):
        frame[column] = pd.to_numeric(frame[column])  # null becomes nan, also where every run has null
    return frame


def _run_folders(root: Path) -> list[Path]:
    """Folders that hold, or should hold, a run; checkpoints have files of their own and are not runs."""
    found = {
        file.parent
        for part in ("runs", "copy_task")
        for name in ("config.yaml", "run.json")
        for file in (root / part).rglob(name)
        if "checkpoint" not in file.relative_to(root).parts
    }
    return sorted(found)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _Unusable(f"{path.name} is missing: the run has not finished; start it again to continue") from None
    except (OSError, ValueError) as error:
        raise _Unusable(f"{path.name} cannot be read ({error})") from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise _Unusable(f"{path.name}: expected an object with schema {SCHEMA}")
    return value


def _read_record(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """run.json and the configuration in it, checked against the folder's config.yaml."""
    record = _read_json(path / "run.json")
    if record.get("status") != "complete":
        raise _Unusable(f"run.json: status is {record.get('status')!r}, expected 'complete'")
    copied = _COPIED_COPY_TASK if record.get("kind") == "copy_task" else [*_COPIED, "machine"]
    missing = [key for key in (*copied, "config", "versions") if key not in record]
    if missing:
        raise _Unusable(f"run.json: no key {', '.join(missing)}")
    config = record["config"]
    if not isinstance(config, dict) or not isinstance(config.get("seed"), int):
        raise _Unusable("run.json: expected a configuration with an integer seed")
    stale = _outdated(path / "config.yaml", config)
    if stale:
        raise _Unusable(f"run.json was made from another configuration than config.yaml ({', '.join(stale)})")
    return record, config


def _outdated(path: Path, config: Mapping[str, Any]) -> list[str]:
    """Keys of config.yaml, if it is there, that differ from the configuration of the finished run."""
    if not path.exists():
        return []
    try:
        current = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _Unusable(f"config.yaml cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(current, dict):
        raise _Unusable("config.yaml: expected keys and values")
    return sorted(k for k, v in current.items() if k not in MACHINE_KEYS and not _agrees(v, config.get(k)))


def _agrees(part: Any, whole: Any) -> bool:
    """Equality; of nested keys and values, of those in `part`."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_agrees(value, whole.get(key)) for key, value in part.items())
    return bool(part == whole)


def _read_evaluation(path: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    sets: list[dict[str, Any]] = _read_json(path / "evaluation.json").get("sets") or []
    try:
        good = bool(sets) and all(s["returns"] and len(s["returns"]) == len(s["lengths"]) for s in sets)
        good = good and all(math.isfinite(value) for s in sets for value in s["returns"])
        returns = [value for s in sets for value in s["returns"]]
        stated = float(record["evaluation"]["mean"])
    except (KeyError, TypeError) as error:
        raise _Unusable(f"evaluation.json or its summary in run.json is malformed ({error!r})") from error
    if not good:
        raise _Unusable("evaluation.json: expected sets with finite returns and as many lengths")
    mean = math.fsum(returns) / len(returns)
    if not math.isclose(mean, stated, rel_tol=1e-6, abs_tol=1e-6):
        raise _Unusable(f"evaluation.json has mean {mean:g} but run.json says {stated:g}")
    return sets


def _read_curve(path: Path) -> pd.DataFrame:
    try:
        curve = pd.read_csv(path / "curve.csv")
    except (OSError, ValueError) as error:
        raise _Unusable(f"curve.csv cannot be read ({error})") from error
    missing = [column for column in CURVE_COLUMNS if column not in curve]
    if missing:
        raise _Unusable(f"curve.csv: no column {', '.join(missing)}")
    curve = curve[CURVE_COLUMNS].apply(pd.to_numeric, errors="coerce")
    if curve.empty or curve[["env_frames", "episodes"]].isna().any().any():
        raise _Unusable("curve.csv: expected at least one row, and numbers in env_frames and episodes")
    return curve


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def _setting(config: Mapping[str, Any], record: Mapping[str, Any], also: tuple[str, ...] = ()) -> str:
    """Ten hex digits shared by the runs that differ in seed and machine alone (and in the keys `also`)."""
    kept = {k: v for k, v in config.items() if k not in (*MACHINE_KEYS, "seed", *also)}
    if kept.get("window") is not None and kept["window"] == kept.get("unroll"):
        kept["window"] = None  # two spellings of the same method
    return _digest(kept, record.get("kind"), record.get("backend"))


def _success(mean_return: float) -> float:
    """Success rate of a memory task: its reward is 1 for the right answer and 0 otherwise, once an episode."""
    if not 0 <= mean_return <= 1:
        raise _Unusable(f"a memory task with mean return {mean_return:g}: expected a success rate from 0 to 1")
    return mean_return


def _run_row(
    folder: str, record: Mapping[str, Any], config: Mapping[str, Any], sets: list[dict[str, Any]]
) -> dict[str, Any]:
    options = config.get("environment_options") or {}
    if record["suite"] == "memory" and "delay" not in options:
        raise _Unusable("a memory task without 'delay' in the configuration's environment_options")
    per_set = pd.Series([pd.Series(s["returns"], dtype=float).mean() for s in sets])
    returns = [value for s in sets for value in s["returns"]]
    score = math.fsum(returns) / len(returns)
    return {
        "folder": folder,
        **{key: record[key] for key in _COPIED},
        **{key: config.get(key) for key in _RUN_SETTINGS},
        "delay": options.get("delay"),
        "options": json.dumps(options, sort_keys=True),
        "machine": json.dumps(record["machine"], sort_keys=True),
        "versions": json.dumps(record["versions"], sort_keys=True),
        "setting": _setting(config, record),
        "pairing": _setting(config, record, GRADIENT_KEYS),
        "score": _success(score) if record["suite"] == "memory" else score,
        "score_std_over_sets": per_set.std(),
        "evaluation_episodes": len(returns),
        "evaluation_truncated": sum(int(s.get("truncated", 0)) for s in sets),
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
        **{key: record[key] for key in _COPIED_COPY_TASK},
        **{key: config.get(key) for key in _COPY_SETTINGS},
        "versions": json.dumps(record["versions"], sort_keys=True),
        "setting": _setting(config, record),
    }
