"""What a comparison of trained agents says for or against a claim: the rules at the head of `analysis/claims.py`.

A verdict has to hold in every setting of a comparison; in how many "better than" holds by itself is said beside it. So
is the permutation test, which assumes less than Welch's t test, and which side is ahead where two count as equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from analysis import labels
from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN, Part
from analysis.reinforcement import names, paper, players
from analysis.reinforcement.comparisons import ALPHA
from analysis.reinforcement.evidence import Comparison, Setting
from analysis.stats import MINIMUM, difference, holm, improvement, iqm

MARGIN = 0.1  # of what the better side gains over a player that has learned nothing: smaller differences are none
INNER = 0.9  # confidence of the interval that has to lie within it: two one-sided tests at 5 %
FEW = 0.01  # so few seeds that the permutation test cannot get below this p are said to be


def refusal(comparison: Comparison) -> str:
    """Why a comparison tests nothing; an empty string where it does."""
    if not comparison.settings:
        return comparison.untested
    n = min(min(len(one.left), len(one.right)) for one in comparison.settings)
    if n < MINIMUM:
        return f"{labels.counted(n, 'seed')} per method, {MINIMUM} are needed"
    for one in comparison.settings:
        if one.run["memory_task"]:
            continue
        if not one.learned:
            least = players.threshold(one.run)
            if math.isnan(least):
                return "no reference player tells whether these agents have learned"
            return f"nobody has learned: best mean score {labels.number(one.greedy)}, {labels.number(least)} is needed"
        if one.curves and (why := players.fallen(one.curves[one.means[0] < one.means[1]])):
            return f"not learned: {why}"
    return ""


def weigh(comparisons: Sequence[Comparison]) -> list[Part]:
    """The comparisons with their verdicts; `comparisons` are all of the page, for whose number p is corrected."""
    largest = [max(s.gap().p_value for s in one.settings) if _tested(one) else math.nan for one in comparisons]
    each = iter(holm([s.gap().p_value for one in comparisons if _tested(one) for s in one.settings]))
    found = []
    for one, p in zip(comparisons, holm(largest)):
        alone = [float(next(each)) for _ in one.settings] if _tested(one) else []
        found.append(_part(one, float(p), alone))
    return found


def _tested(one: Comparison) -> bool:
    return one.relation == "better than" and not refusal(one)


def _part(one: Comparison, p: float, alone: Sequence[float]) -> Part:
    """With its p and that of each setting by itself, both corrected."""
    about: dict[str, Any] = {"n": "{} + {}".format(*one.counts), "budget": _budget(one), "differs": _differs(one)}
    about["control"] = one.control
    why = refusal(one)
    if why:
        scores = ["{} against {}".format(*map(labels.number, s.means)) for s in one.settings]
        why += f" (so far {'; '.join(scores)})" if scores else ""
        return Part(one.what, NOT_TESTED, why, **about)
    verdict, test, found = _better(one, p, alone) if _tested(one) else _within(one)
    if not all(s.learned for s in one.settings):
        verdict = NOT_SHOWN
    said = "; ".join(_effect(one, s) for s in one.settings)
    texts = [text(one, s) for s in one.settings for text in (_unlearned, _sampled, _beside_feedforward)]
    beside = [text for text in (*found, *texts, one.chosen) if text]
    return Part(one.what, verdict, "; ".join([said, *test, *beside]), "; ".join([_brief(one), *beside]), **about)


def _better(one: Comparison, p: float, alone: Sequence[float]) -> tuple[str, list[str], list[str]]:
    """The verdict on "better than", its test, and how many of several settings show it by themselves."""
    means = [s.gap().mean for s in one.settings]
    verdict = NOT_SHOWN if p >= ALPHA else SHOWN if min(means) > 0 else CONTRADICTED if max(means) < 0 else NOT_SHOWN
    shuffled = improvement([s.sides for s in one.settings])
    several = len(alone) > 1
    weakest = " in the weakest setting" if several else ""
    test = [f"p {labels.compared(p)}{weakest} after Holm's correction"]
    least = math.isclose(shuffled.p_value, shuffled.smallest_p) and shuffled.smallest_p >= FEW
    few = ", the least that these scores can give" if least else ""
    pooled = " of all settings together" if several else ""
    test.append(f"permutation test{pooled}: p {labels.compared(shuffled.p_value)}{few}")
    if not several:
        return verdict, test, []
    ahead = [s.gap().mean > 0 for s, corrected in zip(one.settings, alone) if corrected < ALPHA and s.learned]
    said = f"{one.left} is better in {sum(ahead)} of {len(alone)} settings taken alone"
    said += "" if all(ahead) else f", {one.right} in {len(ahead) - sum(ahead)}"
    return verdict, test, [f"{said} (p < {ALPHA:g} after Holm's correction for all settings on this page)"]


def _within(one: Comparison) -> tuple[str, list[str], list[str]]:
    """The verdict on "equal to" and "at least as good as", no further test, and the margin and who is ahead."""
    margins = [MARGIN * max(0.0, max(s.means) - players.floor(s.run)) for s in one.settings]
    shown = refuted = True
    for setting, margin in zip(one.settings, margins):
        gap, inner = setting.gap(), setting.gap(INNER)
        if one.relation == "equal to":
            shown &= -margin <= inner.low and inner.high <= margin
            refuted &= gap.low > margin or gap.high < -margin
        else:
            shown &= gap.low >= -margin
            refuted &= gap.high < -margin
    verdict = SHOWN if shown else CONTRADICTED if refuted else NOT_SHOWN
    found = [f"within ± {labels.span(margins)} counts as equal"]
    if one.relation == "equal to":
        found += [text for setting in one.settings if (text := _ahead(one, setting))]
    return verdict, [], found


def _ahead(one: Comparison, setting: Setting) -> str:
    """Which side is ahead, equal or not; an empty string where it cannot be told."""
    gap = setting.gap()
    if gap.low <= 0 <= gap.high:
        return ""
    left = gap.mean > 0
    low, high = (setting.left, setting.right) if left else (setting.right, setting.left)
    how = " with every seed" if min(low) > max(high) else f", p {labels.compared(gap.p_value)}"
    return f"{_where(one, setting)}{one.left if left else one.right} is ahead{how}"


def _unlearned(one: Comparison, setting: Setting) -> str:
    return "" if setting.learned else f"{_where(one, setting)}neither has learned"


def _sampled(one: Comparison, setting: Setting) -> str:
    """Play with sampled actions at the end of training, beside which greedy play may mislead; of games alone."""
    if not setting.curves or any(len(players.logged(c)) < players.FIFTHS for side in setting.curves for c in side):
        return ""
    ends = [[float(players.fifths(curve)[-1]) for curve in side] for side in setting.curves]
    scores = "{} against {}".format(*(labels.number(fmean(side)) for side in ends))
    m = f"M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""
    seeds, greedy = (" against ".join(map(labels.span, sides)) for sides in (ends, setting.sides))
    return f"{m}sampled play, last fifth of training: {scores} (seeds {seeds}; greedy {greedy})"


def _beside_feedforward(one: Comparison, setting: Setting) -> str:
    """Whether the better side is above a feedforward agent of the same budget, where memory should matter."""
    if setting.run["environment"] not in players.NEED_MEMORY or "Feedforward" in (one.left, one.right):
        return ""
    m = f"M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""
    if (n := len(setting.feedforward)) < MINIMUM:
        found = "no feedforward agent" if n == 0 else f"only {labels.counted(n, 'feedforward agent')}"
        return f"{m}{found} of the same budget to compare with"
    name, scores = max(zip((one.left, one.right), setting.sides), key=lambda side: fmean(side[1]))
    gap = difference(scores, setting.feedforward)
    clearly = "clearly" if gap.low > 0 else "not clearly"
    return f"{m}{name} is {clearly} above the feedforward agent, difference {labels.interval(*gap[:3])}, not corrected"


def _where(one: Comparison, setting: Setting) -> str:
    """`T-maze, delay 10, M = 5: `, only if there are several."""
    task = names.variant(setting.run["environment"], setting.run["options"])
    return f"{task}, M = {setting.run['unroll']}: " if len(one.settings) > 1 else ""


def _effect(one: Comparison, setting: Setting) -> str:
    """`T-maze, delay 10, M = 5: 1.00 against 0.58, difference 0.42 [0.30, 0.54]`.

    Where the interquartile means tell another story than the means, they are given too; of two that may be equal, the
    interval that decides it.
    """
    middles = [float(iqm(side)) for side in setting.sides]
    scores = "{} against {}".format(*map(labels.number, setting.means))
    apart = any(abs(mean - middle) > 0.05 * abs(mean) for mean, middle in zip(setting.means, middles))
    scores += " (interquartile means {} against {})".format(*map(labels.number, middles)) if apart else ""
    digits = 2 if setting.run["memory_task"] else None
    inner = [labels.number(end, digits) for end in setting.gap(INNER)[1:3]]
    decides = ", 90 % interval [{}, {}]".format(*inner) if one.relation == "equal to" else ""
    task = names.variant(setting.run["environment"], setting.run["options"])
    alone = len(one.settings) == 1 and setting.run["memory_task"]  # of which a comparison does not say the delay
    where = f"{task}: " if alone else _where(one, setting)
    return f"{where}{scores}, difference {labels.interval(*setting.gap()[:3], digits)}{decides}"


def _brief(one: Comparison) -> str:
    left, right = one.counts
    unit = "seeds" if len(one.settings) == 1 else "runs"
    facts = f"{left} {unit} per method" if left == right else f"{left} and {right} {unit}"
    facts += f", {_budget(one)} of the paper's steps" if _budget(one) != labels.NOTHING else ""
    if len(one.settings) == 1:
        return f"{_effect(one, one.settings[0])} ({facts})"
    means = [labels.number(fmean(side)) for side in zip(*(s.means for s in one.settings))]
    differences = labels.span([s.gap().mean for s in one.settings])
    settings = f"means of {len(one.settings)} settings, differences {differences}"
    return f"{means[0]} against {means[1]}, {settings} ({facts})"


def _budget(one: Comparison) -> str:
    return labels.span([s.run["budget_fraction"] for s in one.settings], labels.percent)


def _differs(one: Comparison) -> str:
    found = [paper.differences(s.run) for s in one.settings if not s.run["memory_task"]]
    conditions = labels.joined(text for different in found for text in different.conditions if "budget" not in text)
    settings = labels.joined(key for different in found for key in different.settings)
    return "; ".join(text for text in (conditions, settings) if text != labels.NOTHING)
