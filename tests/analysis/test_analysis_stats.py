"""Statistics against scipy, brute force and numbers computed by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, spearmanr

from analysis import stats


def test_iqm_of_eight_by_hand():
    assert stats.iqm(np.array([8.0, 1, 2, 100, 4, 5, -50, 7])) == (2 + 4 + 5 + 7) / 4


def test_a_quarter_that_is_no_whole_number_of_scores_is_rounded_down():
    assert stats.iqm(np.array([0.0, 1, 2, 3, 4, 9, 90])) == (1 + 2 + 3 + 4 + 9) / 5
    assert stats.iqm(np.array([0.0, 1, 5])) == 2


def test_a_summarys_iqm_is_without_the_extremes():
    assert stats.summarise([0.0, 1, 2, 3, 20]).iqm == 2


def test_standard_deviation_is_the_sample_one():
    summary = stats.summarise([1.0, 2.0, 6.0])
    assert (summary.n, summary.mean) == (3, 3.0)
    assert summary.std == pytest.approx(((4 + 1 + 9) / 2) ** 0.5)


def test_a_single_seed_has_neither_deviation_nor_interval():
    summary = stats.summarise([5.0])
    assert (summary.mean, summary.iqm) == (5.0, 5.0)
    assert np.isnan([summary.std, summary.low, summary.high]).all()


def test_interval_is_the_bootstrap_written_out():
    strata = [np.array([0.1, 0.4, 0.9, 0.5, 0.2]), np.array([3.0, 1.0, 2.0])]
    rng = np.random.default_rng(stats.SEED)
    drawn = [rng.integers(0, len(s), (stats.RESAMPLES, len(s))) for s in strata]
    values = np.sort(np.concatenate([s[d] for s, d in zip(strata, drawn)], axis=1))[:, 2:6].mean(axis=1)
    assert stats.iqm_interval(strata) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_interval_of_three_seeds_is_that_of_all_resamples():
    """With three seeds all 27 equally likely resamples can be listed."""
    scores = [1.0, 2.0, 4.0]
    means = sorted(np.mean(draw) for draw in itertools.product(scores, repeat=3))
    low, high = stats.iqm_interval([scores])
    assert (low, high) == (means[0], means[-1])  # both extremes have probability 1/27 > 2.5 %


def test_interval_keeps_strata_apart():
    """Resampling within strata of equal scores changes nothing; pooling them would."""
    assert stats.iqm_interval([[0.0, 0.0], [1.0, 1.0]]) == (0.5, 0.5)


def test_a_bounded_statistic_keeps_strata_apart():
    assert stats.bounded(lambda x: x.mean(axis=-1), [[0.0] * 3, [1.0] * 3]) == (0.5, 0.5, 0.5)


def test_a_bounded_statistic_has_the_interval_of_its_resamples():
    assert stats.bounded(lambda x: x.mean(axis=-1), [[0.0, 1, 2, 3]]) == (1.5, 0.5, 2.5)


def test_same_scores_give_the_same_interval():
    scores = np.random.default_rng(3).normal(size=6)
    first = stats.summarise(scores)
    stats.summarise(scores[::-1])
    assert stats.summarise(scores) == first


def test_interval_covers_the_mean_of_a_wide_sample_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(60, 30))
    inside = [low <= 0 <= high for _, low, high in (stats.bounded(stats.iqm, [sample]) for sample in samples)]
    assert 0.85 <= np.mean(inside) <= 1.0


def test_probability_of_improvement_is_mann_whitneys_u():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 7).astype(float), rng.integers(0, 5, 4).astype(float)
    assert stats.improvement([(x, y)]).probability == pytest.approx(mannwhitneyu(x, y).statistic / (7 * 4))


def test_probability_of_improvement_by_hand():
    result = stats.improvement([([1.0, 2.0, 3.0], [2.0, 0.0, 9.0])])
    assert result.probability == pytest.approx((1 + 1.5 + 2) / 9)
    assert (result.n_x, result.n_y) == (3, 3)


@pytest.mark.parametrize(("x", "y"), [([1.0, 2.0], [0.0, 0.0, 0.0]), ([1.0, 2.0, 3.0], [0.0])])
def test_fewer_than_three_seeds_a_side_give_neither_probability_nor_p(x, y):
    result = stats.improvement([([1.0, 2.0, 3.0], [0.0, 1.0, 2.0]), (x, y)])
    assert np.isnan([result.probability, result.low, result.high, result.p_value, result.smallest_p]).all()
    assert (result.n_x, result.n_y) == (3 + len(x), 3 + len(y))


def test_probability_of_improvement_is_the_mean_over_strata():
    result = stats.improvement([([2.0, 3.0, 4.0], [0.0, 1.0, 1.0]), ([1.0] * 3, [1.0] * 4)])
    assert result.probability == pytest.approx((1.0 + 0.5) / 2)
    assert (result.n_x, result.n_y) == (6, 7)


def test_swapping_the_sides_mirrors_the_probability():
    x, y = [1.0, 5.0, 6.0, 2.0], [3.0, 4.0, 0.0]
    there, back = stats.improvement([(x, y)]), stats.improvement([(y, x)])
    assert back.probability == pytest.approx(1 - there.probability)
    assert back.low == pytest.approx(1 - there.high, abs=0.03)


def test_permutation_p_is_that_of_all_deals():
    x, y = np.array([0.9, 1.0, 0.8, 0.7, 0.95]), np.array([0.5, 0.75, 0.4, 0.85, 0.6])
    pool = np.concatenate([x, y])

    def win_rate(chosen):
        left = pool[list(chosen)]
        right = np.delete(pool, list(chosen))
        return np.mean([(a > b) + 0.5 * (a == b) for a in left for b in right])

    observed = abs(win_rate(range(5)) - 0.5)
    exact = np.mean([abs(win_rate(c) - 0.5) >= observed - 1e-9 for c in itertools.combinations(range(10), 5)])
    assert stats.improvement([(x, y)]).p_value == pytest.approx(exact)


def test_three_separated_seeds_a_side_cannot_be_significant():
    result = stats.improvement([([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])])
    assert (result.low, result.high) == (1.0, 1.0)
    assert result.p_value == result.smallest_p == pytest.approx(2 / 20)


def test_permutation_p_of_several_strata_is_that_of_all_deals_of_both():
    pairs = [([0.9, 0.4, 0.8], [0.5, 0.7, 0.3]), ([3.0, 9.0, 4.0], [1.0, 5.0, 2.0])]

    def wins(pool, chosen):
        left, right = np.array(pool)[list(chosen)], np.delete(pool, list(chosen))
        return np.mean([(a > b) + 0.5 * (a == b) for a in left for b in right])

    nulls = [[wins([*x, *y], chosen) for chosen in itertools.combinations(range(6), 3)] for x, y in pairs]
    observed = abs(np.mean([null[0] for null in nulls]) - 0.5) - 1e-9  # the first choice is the one that was made
    exact = np.mean([abs((a + b) / 2 - 0.5) >= observed for a in nulls[0] for b in nulls[1]])
    result = stats.improvement(pairs)
    assert result.p_value == pytest.approx(exact)
    assert result.smallest_p == 2 / 20**2


def test_the_interval_of_several_strata_is_of_their_mean_probability():
    both = stats.improvement([([4.0, 5, 6], [1.0, 2, 3]), ([1.0, 5, 3], [2.0, 4, 6])])
    assert (both.low, both.high) == (0.5, pytest.approx(17 / 18))


def test_drawn_deals_of_several_strata_are_of_their_mean():
    x = np.arange(7.0)
    alone, drawn = (stats.improvement([*equal, (x, x - 2.2)]) for equal in ([], [([1.0] * 7, [1.0] * 7)]))
    assert drawn.p_value == pytest.approx(alone.p_value, abs=0.01)


def test_permutation_p_of_many_deals_is_drawn_and_never_zero():
    x = np.arange(12.0)
    result = stats.improvement([(x + 100, x)])
    assert result.p_value == result.smallest_p == 1 / (1 + stats.RESAMPLES)
    assert stats.improvement([(x, x)]).p_value == 1


@pytest.mark.parametrize(("left", "right", "p_value"), [(1.0, 0.5, 0.1), (1.0, 1.0, 1.0)])
def test_a_difference_without_any_spread_has_the_p_of_the_permutation_test(left, right, p_value):
    mean = left - right
    assert stats.difference([left] * 3, [right] * 3) == (mean, mean, mean, p_value)


@pytest.mark.parametrize(("n", "m"), [(10, 3), (3, 10), (5, 10)])
def test_equal_scores_differ_in_nothing_however_their_means_are_rounded(n, m):
    assert stats.difference([0.98] * n, [0.98] * m) == (0, 0, 0, 1)


def test_the_smallest_p_is_what_tied_scores_can_give():
    found = stats.improvement([([1.0] * 5, [1.0, 1.0, 1.0, 1.0, 0.9])])
    assert (found.p_value, found.smallest_p) == (1, 1)


def test_rank_correlation_is_spearmans_with_the_p_of_all_orders():
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 5.0, 4.0]
    correlation, p = stats.rank_correlation(x, y)
    assert correlation == pytest.approx(spearmanr(x, y).statistic) == pytest.approx(0.9)
    as_extreme = [abs(spearmanr(x, order).statistic) >= 0.9 - 1e-9 for order in itertools.permutations(y)]
    assert p == pytest.approx(sum(as_extreme) / 120)


def test_two_scores_a_side_have_a_difference_with_an_interval():
    assert stats.difference([1.0, 2.0], [1.0, 2.0]).p_value == 1


def test_holms_correction_is_never_above_one():
    assert stats.holm([0.6, 0.7]).tolist() == [1, 1]


@pytest.mark.parametrize("scores", [[], [1.0, np.nan], [[1.0]]])
def test_scores_that_are_no_sample_are_refused(scores):
    with pytest.raises(ValueError, match="expected one or more finite numbers"):
        stats.summarise(scores)
