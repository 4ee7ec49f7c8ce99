"""What a training run's files say, as rows: run.json, evaluation.json, curve.csv and gradient.csv."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import cache
from statistics import fmean
from typing import Any

import pandas as pd

from analysis import methods
from analysis.records import QUALITY_KEYS, Run, Unusable, as_json, read_json
from analysis.reinforcement import SUITES, names

KEYS = (
    "suite environment backend env_steps env_frames updates episodes wall_s steps_per_s peak_bytes parameters device"
    " device_name threads git_revision git_dirty paper_env_steps budget_fraction resumes exact_resume started_utc"
    " finished_utc machine versions"
).split()
SETTINGS = ["unroll", "retention", "seed", "vision", "hidden", "batch"]
RUN_COLUMNS = [
    *("folder", *KEYS, *methods.COLUMNS, "method", *SETTINGS, "learning_rate", "config", "carried_bytes"),
    *(f"gradient_{key}" for key in QUALITY_KEYS),
    *("pretrained", "delay", "options", "other_options", "setting", "pairing", "design", "study"),
    *("score", "score_std_over_sets", "evaluation_episodes", "evaluation_truncated", "life_score", "evaluation_lives"),
    *("random_mean", "random_max", "memory_task"),
]
FRAMES = {
    "runs": RUN_COLUMNS,
    "pretraining": RUN_COLUMNS,
    "measured": RUN_COLUMNS,
    "evaluations": (
        "folder environment unroll seed set_seed episodes return_mean return_std return_min return_max length_mean"
        " truncated"
    ).split(),
    "curves": ["folder", "env_frames", "episodes", "episode_return_mean"],
    "gradients": ["folder", "env_steps", "cosine"],
    "truncations": ["folder", "env_steps", "unroll", "cosine", "norm_ratio"],
}
# What may differ between two runs that are "equal but for the gradient", and between two of the same design.
GRADIENT_KEYS = ("gradient", "gradient_options", "window")
DESIGN_KEYS = (*GRADIENT_KEYS, "cell", "retention")


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a run by frame.

    One that only lends its vision stem to others (`lent`), or whose gradients at several M are measured, is no result.
    """
    sets, at_random = _evaluation(run)
    row = {**_row(run, sets), **{f"random_{name}": at_random.agg(name) for name in ("mean", "max")}}
    measured = bool(run.config.get("truncation"))
    aside = ", vision pre-training" if lent else ", gradients at several M" if measured else ""
    index = {
        **row,
        "suite": SUITES.get(row["suite"], row["suite"].capitalize()),
        "task": names.environment(row["environment"], row["backend"]) + aside,
        "score": row["score"],
    }
    if lent:
        return {"pretraining": row, "index": {**index, "budget_fraction": math.nan}}
    if measured:
        columns = ["env_steps", "unroll", "cosine"]
        return {
            "measured": row,
            "index": index,
            "truncations": run.table("truncation.csv", columns, ["norm_ratio"]),
        }
    same = {key: row[key] for key in ("folder", "environment", "unroll", "seed")}
    frames: dict[str, Any] = {"runs": row, "index": index}
    frames["evaluations"] = pd.DataFrame([{**same, **_set_row(one)} for one in sets])
    frames["curves"] = run.table("curve.csv", ["env_frames", "episodes"], ["episode_return_mean"])
    if run.record.get("gradient_quality") is not None:
        frames["gradients"] = run.table("gradient.csv", ["env_steps"], ["cosine"])
    return frames


def finish(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames of all runs, with what is known only once all are there: the order of methods, the memory study.

    Of an environment in suite memory the runs belong to that study if all of them have a delay and a score that may be
    a success rate: the reward is 1 for the right answer and 0 otherwise, once an episode. What random play scores is
    that of all runs in the same environment.
    """
    found = {**frames, **{name: methods.named(frames[name]) for name in ("runs", "pretraining", "measured")}}
    for name in ("runs", "measured"):
        runs = found[name]
        fitting = (runs["suite"] == "memory") & runs["delay"].notna() & runs["score"].between(0, 1)
        alike = runs.groupby(["environment", "options", "backend"])
        found[name] = runs.assign(
            memory_task=fitting.groupby(runs["environment"]).transform("all").astype(bool),
            random_mean=alike["random_mean"].transform("mean"),
            random_max=alike["random_max"].transform("max"),
        )
    return found


def _row(run: Run, sets: list[dict[str, Any]]) -> dict[str, Any]:
    options = _options(run)
    others = {key: value for key, value in options.items() if key != "delay"}
    run, design = (
        dataclasses.replace(run, config={**run.config, "environment_options": those}) for those in (options, others)
    )
    per_set = pd.Series([pd.Series(one["returns"], dtype=float).mean() for one in sets])
    returns = [value for one in sets for value in one["returns"]]
    lives = [value for one in sets for game in one.get("life_returns") or () for value in game]
    pretrained = run.record.get("pretrained")
    return {
        "folder": run.folder,
        **run.keys(KEYS),
        **methods.of_config(run.config),
        **{key: run.config.get(key) for key in SETTINGS},
        "learning_rate": (run.config.get("optimiser") or {}).get("learning_rate"),
        "config": as_json(run.record["config"]),
        "carried_bytes": run.record.get("carried_bytes"),
        **{f"gradient_{key}": value for key, value in run.quality().items()},
        "pretrained": as_json(pretrained) if pretrained else "",
        "delay": _number(options.get("delay")),
        "options": as_json(options),
        "other_options": as_json(others),
        "setting": run.setting(),
        "pairing": run.setting(*GRADIENT_KEYS),
        "design": design.setting(*DESIGN_KEYS),
        "study": design.setting(*DESIGN_KEYS, "unroll"),
        "score": fmean(returns),
        "score_std_over_sets": per_set.std(),
        "evaluation_episodes": len(returns),
        "evaluation_truncated": sum(int(one.get("truncated", 0)) for one in sets),
        "life_score": fmean(lives) if lives else math.nan,
        "evaluation_lives": len(lives),
    }


def _options(run: Run) -> dict[str, Any]:
    """The environment's options; of memory tasks as if the delay were always given, and no other that is the default.

    So that the same task is one, however much of it a configuration spells out.
    """
    given = run.config.get("environment_options") or {}
    defaults = _defaults(run.config["environment"]) if run.record.get("suite") == "memory" else {}
    return {k: v for k, v in {**defaults, **given}.items() if k == "delay" or (k, v) not in defaults.items()}


@cache
def _defaults(environment: str) -> Mapping[str, Any]:
    """The options of an environment with their defaults; none of one that this harness does not have."""
    from rtrl_bench.envs.registry import ENVIRONMENTS  # imports gymnasium, which other results do not need

    return ENVIRONMENTS[environment].options if environment in ENVIRONMENTS else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _set_row(one: Mapping[str, Any]) -> dict[str, Any]:
    returns = pd.Series(one["returns"], dtype=float)
    return {
        "set_seed": one.get("seed"),
        "episodes": len(returns),
        **{f"return_{name}": returns.agg(name) for name in ("mean", "std", "min", "max")},
        "length_mean": pd.Series(one["lengths"], dtype=float).mean(),
        "truncated": one.get("truncated", 0),
    }


def _evaluation(run: Run) -> tuple[list[dict[str, Any]], pd.Series]:
    """The sets of greedy play, and the returns of random play, none where it was not measured."""
    found = read_json(run.path / "evaluation.json")
    sets: list[dict[str, Any]] = found.get("sets") or []
    try:
        at_random = pd.Series(found.get("random", {"returns": []})["returns"], dtype=float)
        good = bool(sets) and all(s["returns"] and len(s["returns"]) == len(s["lengths"]) for s in sets)
        good = good and all(math.isfinite(value) for s in sets for value in s["returns"])
        returns = [value for s in sets for value in s["returns"]]
        lives = [[sum(game) for game in s.get("life_returns", [])] for s in sets]
        stated = float(run.record["evaluation"]["mean"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f"evaluation.json or its summary in run.json is malformed ({error!r})") from error
    if not good:
        raise Unusable("evaluation.json: expected sets with finite returns and as many lengths")
    if any(of_lives and of_lives != s["returns"] for s, of_lives in zip(sets, lives)):
        raise Unusable("evaluation.json: expected life_returns that add up to the returns")
    mean = fmean(returns)
    if not math.isclose(mean, stated, rel_tol=1e-6, abs_tol=1e-6):
        raise Unusable(f"evaluation.json has mean {mean:g} but run.json says {stated:g}")
    return sets, at_random
