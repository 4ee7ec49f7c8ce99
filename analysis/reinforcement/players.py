"""Reference players, and when agents have learned: from which score on, and with what learning curve."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from analysis import labels
from analysis.reinforcement import options

CHANCE = 0.5  # success of a policy without memory, in every memory task of the harness
SUCCESS = 0.75  # from which a memory task counts as learned: halfway from chance to perfect
TIMES_RANDOM = 3  # a game counts as learned from this multiple of the random player's score
HALF_OF_ORACLE = ("rooms_select_nonmatching_object",)  # there six teleporters alone make six times the random score
NEED_MEMORY = ("rooms_watermaze", "chaser")  # there agents should do better than a feedforward network
FIFTHS = 5
KEPT = 0.8  # a curve has levelled off or still rises if its last fifth has this share of its best fifth


@cache
def table() -> pd.DataFrame:
    """environment, backend, player (`random`, `oracle`), score, std, episodes: measured by `reference_players`."""
    with resources.as_file(resources.files("analysis.reinforcement") / "players.csv") as path:
        return pd.read_csv(path)


def score(environment: str, backend: str, player: str) -> float:
    """The mean score of a reference player in the same simulator, of whatever version; nan where none is known."""
    rows = table()
    same = rows["backend"].str.split().str[0] == backend.split(" ")[0]
    return float(rows.loc[(rows["environment"] == environment) & (rows["player"] == player) & same, "score"].mean())


def floor(run: pd.Series) -> float:
    """What a player that has learned nothing scores in a run's environment; nan where that is not known."""
    if run["memory_task"]:
        return CHANCE
    return float(run["random_mean"]) if _measured(run) else _reference(run, "random")


def threshold(run: pd.Series) -> float:
    """The score from which agents have learned a run's environment; nan where that cannot be told.

    Where random play was measured along, it is halfway from its mean to its best episode.
    """
    if run["memory_task"]:
        return SUCCESS
    if run["environment"] in HALF_OF_ORACLE:
        return _reference(run, "oracle") / 2
    if _measured(run):  # at random always the same: no telling
        return (run["random_mean"] + run["random_max"]) / 2 if run["random_max"] > run["random_mean"] else math.nan
    return TIMES_RANDOM * floor(run) if floor(run) > 0 else math.nan  # of a loss three times as much is worse


def _measured(run: pd.Series) -> bool:
    """Whether random play was measured along with the run's agent."""
    return math.isfinite(run["random_mean"])


def _reference(run: pd.Series, player: str) -> float:
    """The score of a reference player in a run's environment; nan if it played with other options."""
    same = options.are_the_papers(run["suite"], json.loads(run["options"]))
    return score(run["environment"], run["backend"], player) if same else math.nan


def learned(run: pd.Series, mean: float) -> bool:
    """Whether a mean score over seeds is that of agents that have learned; False where it cannot be told."""
    least = threshold(run)
    return math.isfinite(least) and mean >= least


def fallen(curves: Sequence[pd.DataFrame]) -> str:
    """Why the learning curves of agents are not those of agents that have learned; an empty string where they are.

    Held against KEPT is the training return of each fifth of the log intervals, mean over runs; an interval counts by
    the episodes that ended in it, as in the curves drawn.
    """
    if min(len(logged(curve)) for curve in curves) < FIFTHS:
        return f"fewer than {FIFTHS} logged points of training return: no telling whether it rises or falls"
    each = np.mean([fifths(curve) for curve in curves], axis=0)
    best, last = float(each.max()), float(each[-1])
    if best - last <= (1 - KEPT) * abs(best):
        return ""
    return f"the better side's training return fell from {labels.number(best)} to {labels.number(last)} at its end"


def logged(curve: pd.DataFrame) -> pd.DataFrame:
    """The log intervals of a run in which an episode ended, in their order."""
    return curve.dropna(subset="episode_return_mean").sort_values("env_frames")


def fifths(curve: pd.DataFrame) -> np.ndarray:
    """The mean training return (FIFTHS,) of each fifth of a run's log intervals, weighted by episodes."""
    parts = [logged(curve).iloc[rows] for rows in np.array_split(range(len(logged(curve))), FIFTHS)]
    return np.array([np.average(part["episode_return_mean"], weights=part["episodes"]) for part in parts])


def with_learned_agents(runs: pd.DataFrame, curves: pd.DataFrame) -> set[str]:
    """The folders of the runs of every setting whose agents have learned, by their mean score and their curves."""
    found: set[str] = set()
    for _, seeds in runs.groupby("setting", sort=False):
        found_curves = [curves[curves["folder"] == folder] for folder in seeds["folder"]]
        if learned(seeds.iloc[0], seeds["score"].mean()) and not fallen(found_curves):
            found |= set(seeds["folder"])
    return found
