"""The rules by which a comparison of trained agents counts for or against a claim.

A comparison tests a claim only with MINIMUM seeds a side of runs that are equal but for what is compared, and, on the
paper's environments, if the better side has learned (analysis/reinforcement/players.py): its score is high enough and
its curve has levelled off or still rises. Agents that have learned nothing are equal, however they were trained. Where
memory should matter the verdict also says whether the better side is above a feedforward agent of the same budget.

- "better than": shown if the mean is higher in every setting, and the largest p of Welch's t tests in them is below
  ALPHA after Holm's correction for all such comparisons; contradicted if the same holds the other way round. Neither
  where a memory task is learned by nobody. The permutation test, which assumes less, is said beside it, and whether
  its p is the least that so few seeds can give;
- "equal to": shown if the 90 % interval of the difference lies within the margin (two one-sided tests at 5 %),
  contradicted if its 95 % interval lies outside;
- "at least as good as": shown if the lower end of the 95 % interval lies above minus the margin, contradicted if
  its upper end lies below.

The margin is MARGIN of what the better side gains over a player that has learned nothing. Intervals are Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from analysis import labels, methods
from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN, Part
from analysis.load import Results
from analysis.reinforcement import names, paper, players
from analysis.reinforcement.comparisons import ALPHA, EQUAL, delay_study, pairs, sides
from analysis.stats import CONFIDENCE, MINIMUM, Difference, difference, holm, improvement, iqm

MARGIN = 0.1
Relation = Literal["better than", "equal to", "at least as good as"]


@dataclass(frozen=True)
class Setting:
    """Where both sides of a comparison were run: one of the runs (its task and budget), and the scores of each side.

    `curves` are the learning curves of each side, `feedforward` the scores of feedforward agents that had the same
    budget; both stay empty where the verdict does not ask for them.
    """

    run: pd.Series
    left: list[float]
    right: list[float]
    curves: tuple[list[pd.DataFrame], ...] = ()
    feedforward: tuple[float, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What a claim says of two methods: `left` is `relation` `right` in each of the `settings`."""

    where: str
    relation: Relation
    settings: tuple[Setting, ...]
    left: str = "RTRL"
    right: str = "TBPTT"
    untested: str = ""  # why it has no settings

    @property
    def what(self) -> str:
        """`watermaze, M = 10: RTRL above TBPTT`."""
        return f"{self.where}: {self.left} {self.relation} {self.right}"


def at(
    results: Results, environment: str, unroll: int, relation: Relation, left: str = "rtrl", right: str = "tbptt"
) -> Comparison:
    """Two gradients on an environment at one M: of several such comparisons the one with most seeds and steps."""
    where = f"{names.panel(environment)}, M = {unroll}"
    labelled = {"left": methods.gradient_label(left), "right": methods.gradient_label(right)}
    found = [
        _setting(results, run, x, y)
        for run, x, y in sides(results, left, right)
        if (run["environment"], run["unroll"], run["layers"]) == (environment, unroll, 1)
    ]
    if not found:
        here = results["runs"]
        here = here[(here["environment"] == environment) & (here["unroll"] == unroll) & (here["layers"] == 1)]
        return Comparison(where, relation, (), **labelled, untested=_lacking(set(here["gradient"]), left, right))
    best = max(found, key=lambda one: (min(MINIMUM, len(one.left), len(one.right)), one.run["env_steps"]))
    return Comparison(where, relation, (best,), **labelled)


def _lacking(run: set[str], left: str, right: str) -> str:
    """Which side of a comparison has no run."""
    labelled = {side: methods.gradient_label(side) for side in (left, right)} | {"feedforward": "a feedforward network"}
    lack = [labelled[side] for side in (left, right) if side not in run]
    if len(lack) == 2:
        return f"neither {lack[0]} nor {lack[1]} was run"
    return f"{lack[0]} was not run" if lack else "no runs of the two are equal in everything else"


def together(where: str, comparisons: Sequence[Comparison]) -> Comparison:
    """Comparisons of one relation as one, tested together."""
    return replace(comparisons[0], where=where, settings=tuple(s for one in comparisons for s in one.settings))


def _setting(results: Results, run: pd.Series, left: pd.DataFrame, right: pd.DataFrame) -> Setting:
    curves = results["curves"]
    found = tuple([curves[curves["folder"] == folder] for folder in side["folder"]] for side in (left, right))
    without = results["runs"][results["runs"]["gradient"] == "feedforward"]
    for key in (key for key in EQUAL if key != "unroll"):
        without = without[without[key] == run[key]]
    at_m = without[without["unroll"] == run["unroll"]]
    scores = tuple((at_m if len(at_m) else without)["score"])
    return Setting(run, list(left["score"]), list(right["score"]), found, scores)


def memory(
    results: Results,
    relation: Relation,
    long: bool,
    retained: bool,
    right: str = "tbptt",
    in_training: bool = False,
    unroll: int | None = None,
) -> Comparison:
    """RTRL beside `right` on the one-layer memory tasks whose delay a segment can hold, or (`long`) cannot hold.

    `unroll`: with segments of this M alone; otherwise with those of every M.
    `retained`: at the initial retention that was run with the most delays; otherwise at the paper's initialisation.
    `in_training`: by their success over the whole of training, which tells slow from fast where all end at 1.
    """
    runs = results["runs"]
    runs = runs[runs["memory_task"] & (runs["layers"] == 1)]
    main = set(delay_study(runs)["pairing"]) if len(runs) else set()
    found = [
        Setting(run, x, y)
        for run, (x, y) in pairs(results, "rtrl", right, in_training)
        if run["memory_task"]
        and run["layers"] == 1
        and (run["delay"] >= run["unroll"]) == long
        and unroll in (None, run["unroll"])
        and (run["pairing"] in main if retained else math.isnan(run["retention"]))
    ]
    delay = "a delay that a segment cannot hold" if long else "a delay within the segment"
    start = "" if retained else ", the paper's initialisation"
    when = ", success over the whole of training" if in_training else ""
    segment = "" if unroll is None else f"M = {unroll}, "
    where, rival = f"memory tasks, {segment}{delay}{start}{when}", methods.gradient_label(right)
    lack = f"no runs of both RTRL and {rival} under these conditions"
    return Comparison(where, relation, tuple(found), right=rival, untested=lack)


def refusal(comparison: Comparison) -> str:
    """Why a comparison tests nothing; an empty string where it does."""
    if not comparison.settings:
        return comparison.untested
    n = min(min(len(one.left), len(one.right)) for one in comparison.settings)
    if n < MINIMUM:
        return f"{n} {'seed' if n == 1 else 'seeds'} a side, {MINIMUM} are needed"
    for one in comparison.settings:
        best = max(_mean(one.left), _mean(one.right))
        if not one.run["memory_task"] and not players.learned(one.run, best):
            least = players.threshold(one.run)
            if math.isnan(least):
                return "no reference player tells whether these agents have learned"
            return f"nobody has learned: best mean score {labels.number(best)}, {labels.number(least)} is needed"
        if one.curves and not one.run["memory_task"]:
            better = one.curves[_mean(one.left) < _mean(one.right)]
            if why := players.fallen(better):
                return f"not learned: {why}"
    return ""


def weigh(comparisons: Sequence[Comparison]) -> list[Part]:
    """The comparisons with their verdicts; `comparisons` are all of the page, for whose number p is corrected."""
    largest = [max(_gap(s).p_value for s in one.settings) if _tested(one) else math.nan for one in comparisons]
    return [_part(one, float(p)) for one, p in zip(comparisons, holm(largest))]


def _tested(one: Comparison) -> bool:
    return one.relation == "better than" and not refusal(one)


def _gap(setting: Setting, confidence: float = CONFIDENCE) -> Difference:
    return difference(setting.left, setting.right, confidence)


def _part(one: Comparison, p: float) -> Part:
    about = {"n": "{} + {}".format(*_counts(one)), "budget": _budget(one), "differs": _differs(one)}
    why = refusal(one)
    if why:
        scores = [f"{labels.number(_mean(s.left))} against {labels.number(_mean(s.right))}" for s in one.settings]
        why += f" (so far {'; '.join(scores)})" if scores else ""
        return Part(one.what, NOT_TESTED, why, **about)
    if _tested(one):
        sure, means = p < ALPHA, [_gap(s).mean for s in one.settings]
        verdict = SHOWN if sure and min(means) > 0 else CONTRADICTED if sure and max(means) < 0 else NOT_SHOWN
        if not all(players.learned(s.run, max(map(_mean, _sides(s)))) for s in one.settings):
            verdict = NOT_SHOWN
        shuffled = improvement([(s.left, s.right) for s in one.settings])
        end = (
            f"; p {labels.compared(p)} after Holm's correction; permutation test: p {labels.compared(shuffled.p_value)}"
        )
        if math.isclose(shuffled.p_value, shuffled.smallest_p):
            end += ", the least that so few seeds can give"
    else:
        gains = [max(map(_mean, _sides(s))) - players.floor(s.run) for s in one.settings]
        margins = [MARGIN * max(0.0, gain) for gain in gains]
        verdict, end = _within(one, margins), f"; within ± {labels.span(margins)} counts as equal"
    said = "; ".join(_effect(one, s) for s in one.settings) + end
    texts = (text(one, s) for s in one.settings for text in (_sampled, _beside_feedforward))
    beside = "".join(f"; {text}" for text in texts if text)
    return Part(one.what, verdict, said + beside, _brief(one) + ("" if _tested(one) else end) + beside, **about)


def _sampled(one: Comparison, setting: Setting) -> str:
    """Play with sampled actions at the end of training, beside which greedy play may mislead; of games alone."""
    if not setting.curves or any(len(players.logged(c)) < players.FIFTHS for side in setting.curves for c in side):
        return ""
    ends = [[float(players.fifths(curve)[-1]) for curve in side] for side in setting.curves]
    scores = "{} against {}".format(*(labels.number(_mean(side)) for side in ends))
    m = f"M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""
    spans = labels.span(end for side in ends for end in side), labels.span([*setting.left, *setting.right])
    return f"{m}sampled play, last fifth of training: {scores} (seeds {spans[0]}; greedy {spans[1]})"


def _beside_feedforward(one: Comparison, setting: Setting) -> str:
    """Whether the better side is above a feedforward agent of the same budget, where memory should matter."""
    if setting.run["environment"] not in players.NEED_MEMORY or "Feedforward" in (one.left, one.right):
        return ""
    m = f"M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""
    if (n := len(setting.feedforward)) < MINIMUM:
        found = "no feedforward agent" if n == 0 else f"only {n} feedforward {'agent' if n == 1 else 'agents'}"
        return f"{m}{found} of the same budget to compare with"
    name, scores = max(zip((one.left, one.right), _sides(setting)), key=lambda side: _mean(side[1]))
    gap = difference(scores, setting.feedforward)
    clearly = "clearly" if gap.low > 0 else "not clearly"
    return f"{m}{name} is {clearly} above the feedforward agent, difference {labels.interval(*gap[:3])}"


def _within(one: Comparison, margins: Sequence[float]) -> str:
    shown = refuted = True
    for setting, margin in zip(one.settings, margins):
        gap, inner = _gap(setting), _gap(setting, 0.9)
        if one.relation == "equal to":
            shown &= -margin <= inner.low and inner.high <= margin
            refuted &= gap.low > margin or gap.high < -margin
        else:
            shown &= gap.low >= -margin
            refuted &= gap.high < -margin
    return SHOWN if shown else CONTRADICTED if refuted else NOT_SHOWN


def _effect(one: Comparison, setting: Setting) -> str:
    """`T-maze, delay 10, M = 5: 1.00 against 0.58, difference 0.42 [0.30, 0.54]`; the task only if there are several.

    Where the interquartile means tell another story than the means, they are given too.
    """
    task = names.variant(setting.run["environment"], setting.run["options"])
    several = f"{task}, M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""
    means = [_mean(side) for side in _sides(setting)]
    middles = [float(iqm(side)) for side in _sides(setting)]
    scores = "{} against {}".format(*map(labels.number, means))
    apart = any(abs(mean - middle) > 0.05 * abs(mean) for mean, middle in zip(means, middles))
    scores += " (interquartile means {} against {})".format(*map(labels.number, middles)) if apart else ""
    digits = 2 if setting.run["memory_task"] else None
    return f"{several}{scores}, difference {labels.interval(*_gap(setting)[:3], digits)}"


def _brief(one: Comparison) -> str:
    left, right = _counts(one)
    unit = "seeds" if len(one.settings) == 1 else "runs"
    facts = f"{left} {unit} a side" if left == right else f"{left} and {right} {unit}"
    facts += f", {_budget(one)} of the paper's steps" if _budget(one) != labels.NOTHING else ""
    if len(one.settings) == 1:
        return f"{_effect(one, one.settings[0])} ({facts})"
    means = [labels.number(_mean([_mean(side) for side in sides])) for sides in zip(*map(_sides, one.settings))]
    differences = labels.span([_gap(s).mean for s in one.settings])
    settings = f"means of {len(one.settings)} settings, differences {differences}"
    return f"{means[0]} against {means[1]}, {settings} ({facts})"


def _sides(setting: Setting) -> tuple[list[float], list[float]]:
    return setting.left, setting.right


def _counts(one: Comparison) -> tuple[int, int]:
    return sum(len(s.left) for s in one.settings), sum(len(s.right) for s in one.settings)


def _budget(one: Comparison) -> str:
    return labels.span([s.run["budget_fraction"] for s in one.settings], labels.percent)


def _differs(one: Comparison) -> str:
    found = [paper.differences(s.run) for s in one.settings if not s.run["memory_task"]]
    conditions = labels.joined(text for different in found for text in different.conditions if "budget" not in text)
    settings = labels.joined(key for different in found for key in different.settings)
    return "; ".join(text for text in (conditions, settings) if text != labels.NOTHING)


def _mean(scores: Sequence[float]) -> float:
    return math.fsum(scores) / len(scores)
