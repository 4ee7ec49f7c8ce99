"""Reference players, and from which score on an agent has learned."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources

import pandas as pd

CHANCE = 0.5  # success of a policy without memory, in every memory task of the harness
SUCCESS = 0.75  # from which a memory task counts as learned: halfway from chance to perfect
TIMES_RANDOM = 3  # a game counts as learned from this multiple of the random player's score
HALF_OF_ORACLE = ("rooms_select_nonmatching_object",)  # there six teleporters alone make six times the random score


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
    return CHANCE if run["memory_task"] else score(run["environment"], run["backend"], "random")


def threshold(run: pd.Series) -> float:
    """The score from which agents have learned a run's environment; nan where there is no reference player."""
    if run["memory_task"]:
        return SUCCESS
    if run["environment"] in HALF_OF_ORACLE:
        return score(run["environment"], run["backend"], "oracle") / 2
    return TIMES_RANDOM * floor(run)


def learned(run: pd.Series, mean: float) -> bool:
    """Whether a mean score over seeds is that of agents that have learned; False where it cannot be told."""
    least = threshold(run)
    return math.isfinite(least) and mean >= least
