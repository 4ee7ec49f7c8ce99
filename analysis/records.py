"""The files of one run, read and checked: run.json, config.yaml, evaluation.json, curve.csv."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.settings import decisive
from rtrl_bench.runs.yaml_files import load_yaml

SCHEMA = 1
RUN_KEYS = (
    "suite environment method backend env_steps env_frames updates episodes wall_s steps_per_s peak_bytes"
    " parameters device device_name threads git_revision git_dirty paper_env_steps budget_fraction resumes"
    " exact_resume started_utc finished_utc"
).split()
COPY_RUN_KEYS = (
    "method max_length updates wall_s test_sequence_accuracy updates_to_100 git_revision device peak_bytes"
).split()
CURVE_COLUMNS = (
    "env_frames env_steps updates wall_s steps_per_s episode_return_mean episode_length_mean episodes"
    " loss_policy loss_baseline loss_entropy entropy grad_norm learning_rate"
).split()
GRADIENT_COLUMNS = "env_steps update cosine norm_ratio cosine_lowest".split()
QUALITY_KEYS = "points cosine_mean cosine_min cosine_lowest_mean norm_ratio_mean".split()


class Unusable(ValueError):
    """Why one run cannot be used."""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unusable(f"{path.name} is missing: the run has not finished; start it again to continue") from None
    except (OSError, ValueError) as error:
        raise Unusable(f"{path.name} cannot be read ({error})") from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise Unusable(f"{path.name}: expected an object with schema {SCHEMA}")
    return value


def read_record(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """run.json and the configuration in it, checked against the folder's config.yaml."""
    record = _read_json(path / "run.json")
    if record.get("status") != "complete":
        raise Unusable(f"run.json: status is {record.get('status')!r}, expected 'complete'")
    copied = COPY_RUN_KEYS if record.get("kind") == "copy_task" else [*RUN_KEYS, "machine"]
    missing = [key for key in (*copied, "config", "versions") if key not in record]
    if missing:
        raise Unusable(f"run.json: no key {', '.join(missing)}")
    config = record["config"]
    if not isinstance(config, dict) or not isinstance(config.get("seed"), int):
        raise Unusable("run.json: expected a configuration with an integer seed")
    stale = _outdated(path / "config.yaml", config)
    if stale:
        raise Unusable(f"run.json was made from another configuration than config.yaml ({', '.join(stale)})")
    return record, config


def _outdated(path: Path, config: Mapping[str, Any]) -> list[str]:
    """Keys of config.yaml, if it is there, that differ from the configuration of the finished run."""
    if not path.exists():
        return []
    try:
        current = load_yaml(path)
    except ConfigError as error:
        raise Unusable(str(error).removeprefix(f"{path.parent}/")) from error
    if not isinstance(current, dict):
        raise Unusable("config.yaml: expected keys and values")
    made = decisive(config)
    return sorted(key for key, value in decisive(current).items() if not _agrees(value, made.get(key)))


def _agrees(part: Any, whole: Any) -> bool:
    """Equality; of nested keys and values, of those in `part`."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_agrees(value, whole.get(key)) for key, value in part.items())
    return bool(part == whole)


def read_evaluation(path: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    sets: list[dict[str, Any]] = _read_json(path / "evaluation.json").get("sets") or []
    try:
        good = bool(sets) and all(s["returns"] and len(s["returns"]) == len(s["lengths"]) for s in sets)
        good = good and all(math.isfinite(value) for s in sets for value in s["returns"])
        returns = [value for s in sets for value in s["returns"]]
        lives = [[sum(game) for game in s.get("life_returns", [])] for s in sets]
        stated = float(record["evaluation"]["mean"])
    except (KeyError, TypeError) as error:
        raise Unusable(f"evaluation.json or its summary in run.json is malformed ({error!r})") from error
    if not good:
        raise Unusable("evaluation.json: expected sets with finite returns and as many lengths")
    if any(of_lives and of_lives != s["returns"] for s, of_lives in zip(sets, lives)):
        raise Unusable("evaluation.json: expected life_returns that add up to the returns")
    mean = math.fsum(returns) / len(returns)
    if not math.isclose(mean, stated, rel_tol=1e-6, abs_tol=1e-6):
        raise Unusable(f"evaluation.json has mean {mean:g} but run.json says {stated:g}")
    return sets


def read_curve(path: Path) -> pd.DataFrame:
    curve = _read_csv(path / "curve.csv", CURVE_COLUMNS)
    if curve.empty or curve[["env_frames", "episodes"]].isna().any().any():
        raise Unusable("curve.csv: expected at least one row, and numbers in env_frames and episodes")
    return curve


def read_quality(record: Mapping[str, Any]) -> dict[str, float]:
    """The summary of how good a run's gradient was (QUALITY_KEYS); nan where the run has no measure of it."""
    quality = record.get("gradient_quality")
    if quality is None:
        return dict.fromkeys(QUALITY_KEYS, math.nan)
    try:
        return {key: math.nan if quality[key] is None else float(quality[key]) for key in QUALITY_KEYS}
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f"run.json: expected numbers {', '.join(QUALITY_KEYS)} in gradient_quality") from error


def read_gradient(path: Path, record: Mapping[str, Any]) -> pd.DataFrame:
    """The quality of the gradient along training (GRADIENT_COLUMNS); no rows where the run did not measure it."""
    if record.get("gradient_quality") is None:
        return pd.DataFrame(columns=GRADIENT_COLUMNS, dtype=float)
    gradient = _read_csv(path / "gradient.csv", GRADIENT_COLUMNS)
    if gradient["env_steps"].isna().any():
        raise Unusable("gradient.csv: expected numbers in env_steps")
    return gradient


def _read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """These columns of a table of numbers; nan where there is none."""
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise Unusable(f"{path.name} cannot be read ({error})") from error
    missing = [column for column in columns if column not in frame]
    if missing:
        raise Unusable(f"{path.name}: no column {', '.join(missing)}")
    return frame[columns].apply(pd.to_numeric, errors="coerce")
