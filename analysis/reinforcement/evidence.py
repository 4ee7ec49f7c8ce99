"""Which runs test a claim: of two methods, in settings that are equal but for what is compared.

How they are weighed is in `analysis/reinforcement/weighing.py`, by the rules at the head of `analysis/claims.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

import pandas as pd

from analysis import methods
from analysis.load import Results
from analysis.reinforcement import names, players
from analysis.reinforcement.comparisons import EQUAL, delay_study, sides, weight
from analysis.stats import CONFIDENCE, Difference, difference

Relation = Literal["better than", "equal to", "at least as good as"]


@dataclass(frozen=True)
class Setting:
    """Where both sides of a comparison were run: one of the runs (its task and budget), and the scores of each side.

    `greedy` is the larger of their mean scores in greedy play after training, by which agents have learned or not;
    `left` and `right` may be scores of another kind. `curves` are the learning curves of each side, `feedforward` the
    scores of feedforward agents that had the same budget; both stay empty where the verdict does not ask for them.
    """

    run: pd.Series
    left: list[float]
    right: list[float]
    greedy: float
    curves: tuple[list[pd.DataFrame], ...] = ()
    feedforward: tuple[float, ...] = ()

    @property
    def sides(self) -> tuple[list[float], list[float]]:
        """The scores of both."""
        return self.left, self.right

    @property
    def means(self) -> tuple[float, float]:
        """The mean scores of both."""
        return fmean(self.left), fmean(self.right)

    @property
    def learned(self) -> bool:
        """Whether the better side has learned, by its score."""
        return players.learned(self.run, self.greedy)

    def gap(self, confidence: float = CONFIDENCE) -> Difference:
        """What the left side is ahead by."""
        return difference(self.left, self.right, confidence)


@dataclass(frozen=True)
class Comparison:
    """What a claim says of two methods: `left` is `relation` `right` in each of the `settings`.

    `untested` says why it has no settings, `chosen` how they were chosen; a `control` is one of `analysis.claims.Part`.
    """

    where: str
    relation: Relation
    settings: tuple[Setting, ...]
    left: str = "RTRL"
    right: str = "TBPTT"
    untested: str = ""
    control: bool = False
    chosen: str = ""

    @property
    def what(self) -> str:
        """`watermaze, M = 10: RTRL better than TBPTT`."""
        return f"{self.where}: {self.left} {self.relation} {self.right}"

    @property
    def counts(self) -> tuple[int, int]:
        """The runs of each side."""
        return sum(len(s.left) for s in self.settings), sum(len(s.right) for s in self.settings)


def at(
    results: Results, environment: str, unroll: int, relation: Relation, left: str = "rtrl", right: str = "tbptt"
) -> Comparison:
    """Two gradients on an environment at one M, in one setting.

    Of several it is one in which it is known what agents have learned, with enough seeds, then with most steps.
    """
    where = f"{names.panel(environment)}, M = {unroll}"
    labelled: dict[str, Any] = {"left": methods.gradient_label(left), "right": methods.gradient_label(right)}
    place = (environment, unroll, 1)
    found = [
        one
        for one in sides(results, left, right)
        if tuple(one[0][["environment", "unroll", "layers"]]) == place and one[0]["cell"] == methods.CELL
    ]
    if not found:
        here = results["runs"]
        here = here[(here["environment"] == environment) & (here["unroll"] == unroll) & (here["layers"] == 1)]
        gradients = set(here.loc[here["cell"].isin([methods.CELL, "none"]), "gradient"])
        return Comparison(where, relation, (), **labelled, untested=_lacking(gradients, left, right))
    known = [one for one in found if not math.isnan(players.threshold(one[0]))] or found
    best = max(known, key=lambda one: weight(*one))
    chosen = f"of {len(found)} settings, the one with enough seeds and most steps" if len(found) > 1 else ""
    equals = sum(weight(*one) == weight(*best) for one in known)
    chosen += f" ({equals} of them have as many; the first by its folder's name)" if equals > 1 else ""
    return Comparison(where, relation, (_setting(results, *best),), **labelled, chosen=chosen)


def _lacking(run: set[str], left: str, right: str) -> str:
    """Which side of a comparison has no finished run."""
    labelled = {side: methods.gradient_label(side) for side in (left, right)} | {"feedforward": "a feedforward network"}
    lack = [labelled[side] for side in (left, right) if side not in run]
    if len(lack) == 2:
        return f"neither {lack[0]} nor {lack[1]} has a finished run"
    return f"{lack[0]} has no finished run" if lack else "no runs of the two are equal in everything else"


def together(where: str, comparisons: Sequence[Comparison]) -> Comparison:
    """Comparisons of one relation as one, tested together."""
    return replace(comparisons[0], where=where, settings=tuple(s for one in comparisons for s in one.settings))


def _setting(results: Results, run: pd.Series, left: pd.DataFrame, right: pd.DataFrame) -> Setting:
    curves = results["curves"]
    found = tuple([curves[curves["folder"] == folder] for folder in side["folder"]] for side in (left, right))
    without = results["runs"][results["runs"]["gradient"] == "feedforward"]
    scores = tuple(without.loc[(without[EQUAL] == run[EQUAL]).all(axis="columns"), "score"])
    return Setting(run, list(left["score"]), list(right["score"]), _greedy(left, right), found, scores)


def _greedy(left: pd.DataFrame, right: pd.DataFrame) -> float:
    return float(max(left["greedy"].mean(), right["greedy"].mean()))


def memory(
    results: Results,
    relation: Relation,
    long: bool,
    retained: bool,
    right: str = "tbptt",
    in_training: bool = False,
    unroll: int | None = None,
    task: str | None = None,
    control: bool = False,
) -> Comparison:
    """RTRL beside `right` on the memory tasks whose delay a segment can hold, or (`long`) cannot hold.

    Only networks with one layer of the paper's cell count.
    `unroll`, `task`: with segments of this M alone, on this environment alone; otherwise with those of every M, on all.
    `retained`: at the initial retention that was run with the most delays; otherwise at the paper's initialisation.
    `in_training`: by their success over the whole of training, which tells slow from fast where all end at 1.
    """
    runs = results["runs"]
    runs = runs[runs["memory_task"] & (runs["layers"] == 1) & (runs["cell"] == methods.CELL)]
    both = sides(results, "rtrl", right, in_training)
    runs = runs[runs["pairing"].isin({run["pairing"] for run, *_ in both})]
    runs = delay_study(runs) if retained else runs[runs["retention"].isna()]
    pairings = set(runs["pairing"])
    found = [
        Setting(run, list(x["score"]), list(y["score"]), _greedy(x, y))
        for run, x, y in both
        if run["pairing"] in pairings
        and (run["delay"] >= run["unroll"]) == long
        and unroll in (None, run["unroll"])
        and task in (None, run["environment"])
    ]
    delay = "a delay that a segment cannot hold" if long else "a delay within the segment"
    start = "" if retained else ", the paper's initialisation"
    when = ", success over the whole of training" if in_training else ""
    segment = "" if unroll is None else f"M = {unroll}, "
    tasks = "memory tasks" if task is None else names.environment(task)
    where, rival = f"{tasks}, {segment}{delay}{start}{when}", methods.gradient_label(right)
    lack = f"no runs of both RTRL and {rival} under these conditions"
    return Comparison(where, relation, tuple(found), right=rival, untested=lack, control=control)
