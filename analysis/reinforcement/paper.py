"""The paper's scores, and what a run has to be like to stand beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from analysis import labels
from analysis.records import flat
from analysis.reinforcement.options import OPTIONS
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.runs.settings import to_dict

# The paper's simulators, as they begin in a run's `backend`. DMLab counts only with the real one.
SIMULATORS = {"atari": "ale-py", "procgen": "procgen", "dmlab": "deepmind_lab"}
# The harness's defaults are the paper's settings (its appendix on hyper-parameters). The values of these are compared.
COMPARED = (
    *("cell", "vision", "features", "hidden", "batch", "retention", "optimiser", "loss", "evaluation"),
    *("precision", "deterministic"),
)
OTHER_THAN_DEFAULT: dict[str, Any] = {"cell": ("elstm", "none"), "last_reward_across_episodes": True}  # of its code
# What differs by suite. Of its evaluation first what the paper's text says, then its code.
SUITES: dict[str, dict[str, Any]] = {
    "dmlab": {"hidden": 512},
    "atari": {"evaluation.sets": (3, 5), "evaluation.episodes": (100, 30)},
    "procgen": {"evaluation.episodes": (100, 200)},
}
# Env steps for which the paper trains the vision stem by TBPTT and then freezes it; elsewhere it trains from scratch.
PRETRAINING = {"rooms_select_nonmatching_object": 50_000_000, "rooms_watermaze": 200_000_000}
BUDGET_TOLERANCE = 0.01
# Environments of which the paper shows learning curves (Fig. 1) but prints no score: name -> values of M; the methods.
CURVES_ONLY = {"chaser": (5, 50)}
METHODS = ("Feedforward", "TBPTT", "RTRL")


@dataclass(frozen=True)
class Verdict:
    """How a setting stands beside the paper's score, and why."""

    kind: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {'; '.join(self.reasons)}" if self.reasons else self.kind


@dataclass(frozen=True)
class Differences:
    """How a run differs from the paper's: what it was trained on, and settings (key -> in words)."""

    conditions: tuple[str, ...]
    settings: Mapping[str, str]


@cache
def values() -> pd.DataFrame:
    """The paper's published scores: table, environment, method, M, frames, score, std, seeds, source."""
    with resources.as_file(resources.files("analysis.reinforcement") / "paper_values.csv") as path:
        return pd.read_csv(path)


def differences(run: pd.Series) -> Differences:
    """How a run differs from the paper's: simulator, budget and stem, and settings."""
    conditions = []
    if not same_simulator(run["suite"], run["backend"]):
        conditions.append(f"a different simulator ({run['backend']}, not {SIMULATORS[run['suite']]})")
    fraction = run["budget_fraction"]
    if not abs(fraction - 1) <= BUDGET_TOLERANCE:  # nan: the paper has no such task
        conditions.append(f"budget {labels.percent(fraction)} of the paper's")
    conditions += _other_stem(run)
    config, found = flat(json.loads(run["config"])), {}
    for key, expected in _expected(run["suite"], config).items():
        allowed = expected if isinstance(expected, tuple) else (expected,)
        value = config.get(key)
        if value not in allowed:
            found[key] = f"{key} {value}, not {' or '.join(map(str, allowed))}"
    return Differences(tuple(conditions), found)


def _expected(suite: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the paper has in place of a run's settings, by key; a tuple: one of these."""
    default = to_dict(RunConfig(environment="", env_steps=1))
    expected = flat({key: default[key] for key in COMPARED}) | OTHER_THAN_DEFAULT | SUITES.get(suite, {})
    options = [key for key in config if key.startswith("environment_options.")]
    return expected | {key: OPTIONS.get(suite, {}).get(key.partition(".")[2]) for key in options}


def same_simulator(suite: str, backend: str) -> bool:
    """Whether a backend is the simulator of the paper; only then may its scores stand beside published ones."""
    return backend.startswith(SIMULATORS.get(suite, ""))


def stem_frames(run: pd.Series) -> int:
    """The env frames for which a run's vision stem was trained before it; 0 where it was trained from scratch."""
    return int(json.loads(run["pretrained"])["env_frames"]) if run["pretrained"] else 0


def taught(pretrained: str) -> bool:
    """Whether a vision stem was taught from the simulator's state, which no agent sees."""
    return bool(pretrained) and json.loads(pretrained)["method"] == "state"


def published(setting: pd.Series) -> pd.Series | None:
    """The paper's row to set beside a setting; None where it has none, or has it from another simulator."""
    if not same_simulator(setting["suite"], setting["backend"]):
        return None
    table = values()
    rows = table[
        table["table"].isin(["table1", "table2"])
        & (table["environment"] == setting["environment"])
        & (table["method"] == setting["method"])
        & (table["M"] == setting["unroll"])
    ]
    return None if rows.empty else rows.iloc[0]


def human_normalised(setting: pd.Series) -> float:
    """(score - random) / (human - random); nan where these are not published, or of another simulator.

    Also nan where episodes of the evaluation were cut: their score is not that of whole episodes.
    """
    if not same_simulator(setting["suite"], setting["backend"]) or setting["evaluation_truncated"] > 0:
        return math.nan
    table = values()
    context = table[(table["table"] == "context") & (table["environment"] == setting["environment"])]
    random, human = (context.loc[context["method"] == player, "score"].mean() for player in ("random", "human"))
    return float((setting["mean"] - random) / (human - random))


def verdict(setting: pd.Series, different: Differences) -> Verdict:
    """Is this setting comparable with the paper's value, and if so, do they agree?"""
    reference = published(setting)
    curve = setting["unroll"] in CURVES_ONLY.get(setting["environment"], ()) and setting["method"] in METHODS
    if same_simulator(setting["suite"], setting["backend"]) and reference is None and not curve:
        return Verdict("not in the paper")
    reasons = different.conditions
    if different.settings:
        reasons = (*reasons, f"other {', '.join(different.settings)}")
    if reasons:
        return Verdict("not comparable", reasons)
    if reference is None:
        return Verdict("comparable, but the paper shows a curve and prints no value")
    if not math.isfinite(setting["low"]):
        return Verdict("no interval from a single seed")
    paper, low, high = reference["score"], setting["low"], setting["high"]
    where = f"[{labels.number(low)}, {labels.number(high)}]"
    where += " (full games)" if setting["suite"] == "atari" else ""
    said = f"the paper's {labels.number(paper)} lies"
    if low <= paper <= high:
        return Verdict("agrees", (f"{said} inside {where}",))
    return Verdict("differs", (f"{said} {'above' if paper > high else 'below'} {where}",))


def _other_stem(run: pd.Series) -> list[str]:
    """How the training of a run's vision stem differs from the paper's, in words."""
    budget, origin = PRETRAINING.get(run["environment"]), json.loads(run["pretrained"] or "null")
    if taught(run["pretrained"]):
        return ["vision stem taught from the simulator's state"]
    if budget is None or origin is None:
        same = (budget is None) == (origin is None)
        return [] if same else [f"vision stem {'trained from scratch' if origin is None else 'pre-trained'}"]
    if (origin["environment"], origin["method"]) != (run["environment"], "tbptt"):
        return [f"vision stem pre-trained on {origin['environment']} by {origin['method']}"]
    fraction = origin["env_steps"] / budget
    same = abs(fraction - 1) <= BUDGET_TOLERANCE
    return [] if same else [f"pre-training {labels.percent(fraction)} of the paper's"]
