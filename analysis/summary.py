"""One row per setting: the seeds' statistics, the budget, and how the setting differs from the paper's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

import pandas as pd

from analysis import labels
from analysis.load import Results
from analysis.stats import Summary, summarise
from rtrl_bench.runs.settings import CAME_LATER

# The paper's simulators, as they begin in a run's `backend`. DMLab counts only with the real one.
PAPER_BACKENDS = {"atari": "ale-py", "procgen": "procgen", "dmlab": "deepmind_lab"}
# The paper's settings (its appendix on hyper-parameters), as they stand in a run's configuration.
PAPER_SETTINGS: dict[str, Any] = {
    "cell": ("elstm", "none"),
    "vision": "impala",
    "features": 256,
    "hidden": 256,
    "batch": 32,
    "retention": None,
    "optimiser.learning_rate": 6e-4,
    "optimiser.alpha": 0.99,
    "optimiser.epsilon": 0.01,
    "optimiser.momentum": 0.0,
    "optimiser.gradient_clip": 40.0,
    "loss.discount": 0.99,
    "loss.entropy_cost": 0.01,
    "loss.baseline_cost": 0.5,
    "loss.reward_clip": 1.0,
    "loss.rho_bar": 1.0,
    "loss.c_bar": 1.0,
    "loss.pg_rho_bar": 1.0,
    "loss.vtrace_lambda": 1.0,
    "loss.bootstrap_truncation": False,
    "last_reward_across_episodes": True,  # of its code
    "evaluation.sets": 3,
    "evaluation.episodes": 100,
    "evaluation.max_steps": None,
}
# Options of an environment, where a run sets them; those that it does not set have the paper's values.
PAPER_OPTIONS: dict[str, dict[str, Any]] = {
    "atari": {"max_frames": 108_000},
    "procgen": {
        "distribution_mode": "hard",
        "num_levels": 500,
        "start_level": 0,
        "test_levels": 200,
        "test_start_level": 1000,
    },
}
# What a suite has in place of PAPER_SETTINGS. Of its evaluation first what the paper's text says, then its code.
PAPER_SUITES: dict[str, dict[str, Any]] = {
    "dmlab": {"hidden": 512},
    "atari": {"evaluation.sets": (3, 5), "evaluation.episodes": (100, 30)},
    "procgen": {"evaluation.episodes": (100, 200)},
}
# Env steps for which the paper trains the vision stem by TBPTT and then freezes it; elsewhere it trains from scratch.
PAPER_PRETRAINING = {"rooms_select_nonmatching_object": 50_000_000, "rooms_watermaze": 200_000_000}
BUDGET_TOLERANCE = 0.01
# Environments of which the paper shows learning curves (Fig. 1) but prints no score: name -> values of M.
CURVES_ONLY = {"chaser": (5, 50)}

SETTING_COLUMNS = (
    "suite environment options other_options delay method layers unroll retention backend n seeds mean std iqm low high"
    " env_frames budget_fraction pretrained evaluation_episodes evaluation_truncated evaluation_lives"
    " life_mean life_std conditions settings setting pairing memory_task"
).split()


def paper_values() -> pd.DataFrame:
    """The paper's published scores: table, environment, method, M, frames, score, std, seeds, source."""
    with resources.as_file(resources.files("analysis") / "paper_values.csv") as path:
        return pd.read_csv(path)


def settings(results: Results) -> pd.DataFrame:
    """Runs that differ in seed alone, as one row with SETTING_COLUMNS; a memory task's score is its success rate."""
    rows = []
    for _, group in results.runs.groupby("setting", sort=False):
        first = group.iloc[0]
        summary: Summary = summarise(group["score"])
        conditions, others = differences(first, results.configs[first["folder"]])
        rows.append(
            {
                **{column: first[column] for column in SETTING_COLUMNS if column in first.index},
                **vars(summary),
                "seeds": " ".join(str(seed) for seed in sorted(group["seed"])),
                "evaluation_episodes": int(group["evaluation_episodes"].sum()),
                "evaluation_truncated": int(group["evaluation_truncated"].sum()),
                "evaluation_lives": int(group["evaluation_lives"].sum()),
                "life_mean": group["life_score"].mean(),
                "life_std": group["life_score"].std(),
                "conditions": conditions,
                "settings": others,
            }
        )
    frame = pd.DataFrame(rows, columns=SETTING_COLUMNS)
    order = frame.assign(method=frame["method"].map(labels.method_order))
    keys = ["suite", "environment", "other_options", "delay", "unroll", "retention", "method"]
    order = order.sort_values(keys, kind="stable")
    return frame.loc[order.index].astype({"memory_task": bool}).reset_index(drop=True)


def differences(run: pd.Series, config: Mapping[str, Any]) -> tuple[str, str]:
    """How a run differs from the paper's: what it trained on (simulator, budget, stem), and which settings."""
    conditions = []
    if not papers_simulator(run["suite"], run["backend"]):
        conditions.append(f"a different simulator ({run['backend']}, not {PAPER_BACKENDS[run['suite']]})")
    fraction = run["budget_fraction"]
    if not _finite(fraction) or abs(fraction - 1) > BUDGET_TOLERANCE:
        conditions.append(f"budget {labels.percent(fraction)} of the paper's")
    conditions += _other_stem(run)
    found = []
    paper = {**PAPER_SETTINGS, **PAPER_SUITES.get(run["suite"], {})}
    options = PAPER_OPTIONS.get(run["suite"], {})
    paper |= {f"environment_options.{key}": options.get(key) for key in config.get("environment_options") or {}}
    for key, expected in paper.items():
        value, allowed = _at(config, key, CAME_LATER.get(key)), expected if isinstance(expected, tuple) else (expected,)
        if value not in allowed:
            found.append(f"{key} {value}, not {' or '.join(map(str, allowed))}")
    return "; ".join(conditions), "; ".join(found)


def papers_simulator(suite: str, backend: str) -> bool:
    """Whether a backend is the simulator of the paper; only then may its scores stand beside published ones."""
    return backend.startswith(PAPER_BACKENDS.get(suite, ""))


def pretraining(run: pd.Series) -> dict[str, Any] | None:
    """Where a run's vision stem comes from, as in run.json; None where it was trained from scratch."""
    origin: dict[str, Any] | None = json.loads(run["pretrained"]) if run["pretrained"] else None
    return origin


def human_normalised(setting: pd.Series, values: pd.DataFrame) -> float:
    """(score - random) / (human - random); nan where these are not published, or of another simulator.

    Also nan where episodes of the evaluation were cut: their score is not that of whole episodes.
    """
    if not papers_simulator(setting["suite"], setting["backend"]) or setting["evaluation_truncated"] > 0:
        return math.nan
    context = values[(values["table"] == "context") & (values["environment"] == setting["environment"])]
    published = context.set_index("method")["score"]
    if not {"random", "human"} <= set(published.index):
        return math.nan
    return float((setting["mean"] - published["random"]) / (published["human"] - published["random"]))


def verdict(setting: pd.Series, values: pd.DataFrame) -> str:
    """One sentence: is this setting comparable with the paper's value, and if so, do they agree?"""
    environment, unroll = setting["environment"], setting["unroll"]
    reference = published(setting, values)
    same_simulator = papers_simulator(setting["suite"], setting["backend"])
    if (
        same_simulator
        and reference is None
        and (unroll not in CURVES_ONLY.get(environment, ()) or not _in_paper(setting))
    ):
        return "not in the paper"
    reasons = [setting["conditions"]] if setting["conditions"] else []
    if setting["settings"]:
        names = [text.split(" ")[0] for text in setting["settings"].split("; ")]
        reasons.append(f"other {', '.join(names)}")
    if reasons:
        return f"not comparable: {'; '.join(reasons)}"
    if reference is None:
        return "comparable, but the paper shows a curve and prints no value"
    if not math.isfinite(setting["low"]):
        return "no interval from a single seed"
    paper, low, high = reference["score"], setting["low"], setting["high"]
    where = f"[{labels.number(low)}, {labels.number(high)}]"
    where += " (full games)" if setting["suite"] == "atari" else ""
    if low <= paper <= high:
        return f"agrees: the paper's {labels.number(paper)} lies inside {where}"
    return f"differs: the paper's {labels.number(paper)} lies {'above' if paper > high else 'below'} {where}"


def published(setting: pd.Series, values: pd.DataFrame) -> pd.Series | None:
    """The paper's row to set beside a setting; None where it has none, or has it from another simulator."""
    if not papers_simulator(setting["suite"], setting["backend"]):
        return None
    return paper_score(values, setting["environment"], setting["method"], setting["unroll"])


def paper_score(values: pd.DataFrame, environment: str, method: str, unroll: int) -> pd.Series | None:
    """The paper's own row for this environment, method and M, or None."""
    rows = values[
        values["table"].isin(["table1", "table2"])
        & (values["environment"] == environment)
        & (values["method"] == labels.method(method))
        & (values["M"] == unroll)
    ]
    return None if rows.empty else rows.iloc[0]


def _other_stem(run: pd.Series) -> list[str]:
    """How the training of a run's vision stem differs from the paper's, as texts."""
    budget, origin = PAPER_PRETRAINING.get(run["environment"]), pretraining(run)
    if origin is not None and origin["method"] == "state":
        return ["vision stem taught from the simulator's state"]
    if budget is None or origin is None:
        same = (budget is None) == (origin is None)
        return [] if same else [f"vision stem {'trained from scratch' if origin is None else 'pre-trained'}"]
    if (origin["environment"], origin["method"]) != (run["environment"], "tbptt"):
        return [f"vision stem pre-trained on {origin['environment']} by {origin['method']}"]
    fraction = origin["env_steps"] / budget
    same = abs(fraction - 1) <= BUDGET_TOLERANCE
    return [] if same else [f"pre-training {labels.percent(fraction)} of the paper's"]


def _in_paper(setting: pd.Series) -> bool:
    return setting["method"] in ("feedforward", "tbptt", "rtrl")


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _at(config: Mapping[str, Any], path: str, missing: Any) -> Any:
    value: Any = config
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return missing
        value = value[key]
    return value
