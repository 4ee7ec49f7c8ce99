"""The rules of verdicts on comparisons made by hand: several settings, several tests, margins."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import pandas as pd
import pytest
from scipy.stats import ttest_ind

from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN
from analysis.reinforcement.evidence import Comparison, Setting, together
from analysis.reinforcement.weighing import weigh

TASK = {"environment": "tmaze", "options": '{"delay": 20}', "unroll": 5, "memory_task": True}
FAR = [1.0, 0.98, 0.99], [0.5, 0.52, 0.51]  # p far below 0.05
NEAR = [1.0, 0.9, 0.8], [0.7, 0.65, 0.6]  # p = 0.03
OVERLAP = [0.9, 0.8, 1.0], [0.8, 0.7, 0.6]  # p = 0.07
HALF = 0.5  # what an agent without memory scores in a memory task: the margin is a tenth of what the best is above it


def setting(left, right):
    """A setting of a memory task with these scores."""
    greedy = max(fmean(left), fmean(right))
    return Setting(pd.Series({**TASK, "budget_fraction": math.nan}), left, right, greedy)


def comparison(relation, *pairs):
    return Comparison("here", relation, tuple(setting(left, right) for left, right in pairs))


def verdict(relation, *pairs):
    """Of a single comparison in settings with these pairs of scores."""
    (part,) = weigh([comparison(relation, *pairs)])
    return part.verdict


def reverse(pair):
    return pair[::-1]


def test_the_pairs_have_the_p_that_they_are_made_for():
    far, near, overlap = (ttest_ind(*pair, equal_var=False).pvalue for pair in (FAR, NEAR, OVERLAP))
    assert far < 0.01 < 0.03 < near < 0.05 < overlap


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((FAR, NEAR), SHOWN),
        ((reverse(FAR), reverse(NEAR)), CONTRADICTED),
        ((FAR, reverse(FAR)), NOT_SHOWN),
        ((FAR, OVERLAP), NOT_SHOWN),
        ((reverse(FAR), reverse(OVERLAP)), NOT_SHOWN),
    ],
)
def test_better_needs_one_direction_and_a_small_p_in_every_setting(pairs, expected):
    assert verdict("better than", *pairs) == expected


def test_better_needs_a_small_p_after_holms_correction_for_all_tests():
    alone, three = weigh([comparison("better than", NEAR)]), weigh([comparison("better than", NEAR)] * 3)
    assert [part.verdict for part in alone + three] == [SHOWN, NOT_SHOWN, NOT_SHOWN, NOT_SHOWN]
    p = 3 * ttest_ind(*NEAR, equal_var=False).pvalue
    assert f"p = {p:.3f} after Holm's correction" in three[0].said


def test_only_comparisons_that_test_better_count_in_the_correction():
    others = [
        *[comparison("equal to", NEAR)] * 2,
        *[comparison("better than", ([1.0, 0.9], [0.6, 0.7]))] * 2,  # two seeds
        Comparison("nowhere", "better than", (), untested="not run"),
    ]
    first, *rest = weigh([comparison("better than", NEAR), *others])
    assert first.verdict == SHOWN
    assert [part.verdict for part in rest[2:]] == [NOT_TESTED] * 3


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([0.96] * 3, [1.0] * 3, SHOWN),  # the margin is 0.05
        ([0.94] * 3, [1.0] * 3, CONTRADICTED),
        ([1.0] * 3, [0.7] * 3, SHOWN),
        ([0.9, 0.96, 1.0], [1.0] * 3, NOT_SHOWN),  # the interval holds -0.05
        ([0.75] * 3, [0.775] * 3, SHOWN),  # the margin is 0.0275
        ([0.75] * 3, [0.78] * 3, CONTRADICTED),  # 0.028
    ],
)
def test_at_least_as_good_is_held_to_the_margin_below_alone(left, right, expected):
    assert verdict("at least as good as", (left, right)) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([0.96] * 3, [1.0] * 3, SHOWN),
        ([0.94] * 3, [1.0] * 3, CONTRADICTED),
        ([1.0] * 3, [0.96] * 3, SHOWN),
        ([1.0] * 3, [0.94] * 3, CONTRADICTED),
        ([0.9, 0.96, 1.0], [1.0] * 3, NOT_SHOWN),
    ],
)
def test_equal_is_held_to_the_margin_on_either_side(left, right, expected):
    assert verdict("equal to", (left, right)) == expected


def test_equal_is_shown_by_the_90_and_contradicted_by_the_95_percent_interval():
    """Differences in a lattice around the margin 0.05: shown and contradicted where SciPy's intervals say so."""
    for shift in range(-12, 13):
        left, right = [0.9 + shift / 100, 0.89 + shift / 100, 0.88 + shift / 100], [0.9, 0.88, 0.89, 0.88]
        test = ttest_ind(left, right, equal_var=False)
        best = max(sum(left) / 3, sum(right) / 4)
        margin, inner, outer = 0.1 * (best - HALF), test.confidence_interval(0.9), test.confidence_interval(0.95)
        expected = NOT_SHOWN
        if -margin <= inner.low and inner.high <= margin:
            expected = SHOWN
        elif outer.low > margin or outer.high < -margin:
            expected = CONTRADICTED
        assert verdict("equal to", (left, right)) == expected, shift


@pytest.mark.parametrize("relation", ["equal to", "at least as good as"])
def test_within_the_margin_is_shown_or_contradicted_by_all_settings_alone(relation):
    inside, below = ([0.98] * 3, [1.0] * 3), ([0.8] * 3, [1.0] * 3)
    assert verdict(relation, inside, inside) == SHOWN
    assert verdict(relation, below, below) == CONTRADICTED
    assert verdict(relation, inside, below) == verdict(relation, below, inside) == NOT_SHOWN


def test_each_setting_has_a_margin_of_its_own():
    wide, narrow = ([0.96] * 3, [1.0] * 3), ([0.76] * 3, [0.8] * 3)  # 0.04 with margins of 0.05 and 0.03
    assert verdict("equal to", wide, narrow) == verdict("equal to", narrow, wide) == NOT_SHOWN


def test_comparisons_together_are_one_with_the_settings_of_all():
    one = together("all", [comparison("better than", FAR), comparison("better than", NEAR, OVERLAP)])
    assert (one.what, len(one.settings)) == ("all: RTRL better than TBPTT", 3)
    (part,) = weigh([one])
    assert (part.verdict, part.n) == (NOT_SHOWN, "9 + 9")


def test_settings_in_which_nobody_has_learned_show_nothing_beside_one_that_was_learned():
    assert verdict("better than", FAR, ([0.7, 0.71, 0.72], [0.5, 0.51, 0.52])) == NOT_SHOWN


@pytest.mark.parametrize("relation", ["equal to", "at least as good as"])
def test_agents_that_have_learned_nothing_are_neither_equal_nor_unequal(relation):
    """Of two answers one always gives the left, the other the right: 0.02 apart, with a margin of next to nothing."""
    (part,) = weigh([comparison(relation, ([0.48] * 3, [0.52] * 3))])
    assert part.verdict == NOT_SHOWN
    assert part.said.endswith("; neither has learned") and part.brief.endswith("; neither has learned")


def test_whether_agents_have_learned_is_judged_by_greedy_play_whatever_is_compared():
    whole = setting([0.6] * 3, [0.6] * 3)  # success over the whole of training
    verdicts = [weigh([Comparison("here", "equal to", (replace(whole, greedy=best),))]) for best in (0.7, 1.0)]
    assert [part.verdict for (part,) in verdicts] == [NOT_SHOWN, SHOWN]


def test_the_text_on_equality_has_the_interval_that_decides_and_who_is_ahead_all_the_same():
    left, right = [0.99, 0.985, 0.98], [0.97, 0.965, 0.96]
    inner = ttest_ind(left, right, equal_var=False).confidence_interval(0.9)
    (part,) = weigh([comparison("equal to", (left, right))])
    assert part.verdict == SHOWN
    decides = f"90 % interval [{inner.low:.2f}, {inner.high:.2f}]"
    for text in (part.said, part.brief):
        assert decides in text and text.endswith("counts as equal; RTRL is ahead with every seed")


def test_a_side_that_is_ahead_without_every_seed_is_said_to_be_with_its_p():
    left, right = [0.95, 0.96, 0.97, 0.96, 0.96], [0.99, 0.98, 0.965, 0.98, 0.98]
    p = ttest_ind(left, right, equal_var=False).pvalue
    (part,) = weigh([comparison("equal to", (left, right))])
    assert p < 0.05 and part.said.endswith(f"; TBPTT is ahead, p = {p:.3f}")
    (even,) = weigh([comparison("equal to", OVERLAP)])
    assert "ahead" not in even.said


def test_in_how_many_settings_a_side_is_better_by_itself_is_said():
    (part,) = weigh([comparison("better than", FAR, OVERLAP, FAR)])
    assert part.verdict == NOT_SHOWN
    said = "RTRL is better in 2 of 3 settings taken alone (p < 0.05 after Holm's correction for all settings"
    assert said in part.said and said in part.brief
    (mixed,) = weigh([comparison("better than", FAR, reverse(FAR))])
    assert "RTRL is better in 1 of 2 settings taken alone, TBPTT in 1 (p" in mixed.said


def test_settings_taken_alone_are_corrected_for_all_settings_of_the_page():
    (alone,), two = (weigh([comparison("better than", FAR, NEAR)] * times) for times in (1, 2))
    assert "2 of 2 settings taken alone" in alone.said
    assert all("1 of 2 settings taken alone" in part.said for part in two)


def test_a_setting_that_nobody_has_learned_is_not_better_by_itself():
    (part,) = weigh([comparison("better than", FAR, ([0.7, 0.71, 0.72], [0.5, 0.51, 0.52]))])
    assert "1 of 2 settings taken alone" in part.said


@pytest.mark.parametrize(("seeds", "said"), [(3, True), (4, True), (5, False)])
def test_only_so_few_seeds_that_p_cannot_be_small_are_said_to_be_few(seeds, said):
    """2 of 20, of 70 and of 252 deals are as extreme."""
    pair = [1 - 0.01 * k for k in range(seeds)], [0.5 + 0.01 * k for k in range(seeds)]
    (part,) = weigh([comparison("better than", pair)])
    assert ("the least that these scores can give" in part.said) == said


def test_a_control_is_one_in_its_part():
    parts = weigh([comparison("equal to", FAR), replace(comparison("equal to", FAR), control=True)])
    assert [part.control for part in parts] == [False, True]
