"""Statistics across training seeds. A run's score is the mean over its evaluation episodes; the seed is the sample.

- mean ± standard deviation, the paper's format (ddof = 1, the sample standard deviation; undefined for one seed);
- interquartile mean (IQM: the mean without the lowest and the highest quarter) with its 95 % percentile-bootstrap
  interval, and the probability of improvement P(X > Y) + P(X = Y) / 2, both of Agarwal et al. 2021, "Deep RL at the
  edge of the statistical precipice"; the bootstrap resamples seeds within each stratum (task);
- a permutation test of "X and Y have the same distribution", because with a handful of seeds a bootstrap interval of
  perfectly separated scores has no width. Few seeds cannot give a small p: `smallest_p` says how small.

All resampling is seeded by itself: the same scores give the same numbers, whatever was computed before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, permutation_test, rankdata, t, trim_mean

RESAMPLES = 10_000
BANDS = 1_000  # resamples at each point of a band
CONFIDENCE = 0.95
SEED = 20_230_519
MINIMUM = 3  # seeds per method: with fewer nothing is said of which side is better

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Scores of the seeds of one setting; `low` and `high` bound the IQM (nan with fewer than two seeds)."""

    n: int
    mean: float
    std: float
    iqm: float
    low: float
    high: float


@dataclass(frozen=True)
class Improvement:
    """Probability that X beats Y, its interval, the permutation test's p, and the number of scores on either side.

    All nan but the last two where a side of a stratum has fewer than MINIMUM seeds.
    """

    probability: float
    low: float
    high: float
    p_value: float
    smallest_p: float
    n_x: int
    n_y: int


class Difference(NamedTuple):
    """Of two means, with its interval and the two-sided p of no difference."""

    mean: float
    low: float
    high: float
    p_value: float


def iqm(scores: ArrayLike, axis: int = -1) -> Array:
    """Interquartile mean: without the lowest and highest quarter (rounded down) of the scores along an axis."""
    mean: Array = trim_mean(scores, 0.25, axis=axis)
    return mean


def summarise(scores: ArrayLike) -> Summary:
    """Mean, standard deviation and IQM with interval of the scores of n >= 1 seeds, shape (n,)."""
    values = _sample(scores)
    low, high = iqm_interval([values])
    std = values.std(ddof=1) if len(values) > 1 else math.nan
    return Summary(len(values), float(values.mean()), float(std), float(iqm(values)), low, high)


def iqm_interval(strata: Sequence[ArrayLike]) -> tuple[float, float]:
    """Stratified bootstrap interval of the IQM over all scores of all strata; nan where a stratum has a single one."""
    samples = [_sample(scores) for scores in strata]
    return _interval(samples, lambda *drawn, axis: iqm(np.concatenate(drawn, axis=axis), axis))


def bounded(statistic: Callable[[Array], Array], strata: Sequence[ArrayLike]) -> tuple[float, float, float]:
    """A statistic (of the last axis) of all scores of all strata, with its stratified bootstrap interval."""
    samples = [_sample(scores) for scores in strata]
    low, high = _interval(samples, lambda *drawn, axis: statistic(np.concatenate(drawn, axis=axis)), BANDS)
    return float(statistic(np.concatenate(samples))), low, high


def improvement(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> Improvement:
    """Probability that X beats Y, averaged over strata; `pairs` holds (x, y), shapes (n,) and (m,), per stratum."""
    samples = [_sample(scores) for pair in pairs for scores in pair]
    n_x, n_y = (sum(map(len, side)) for side in (samples[::2], samples[1::2]))
    if min(map(len, samples)) < MINIMUM:
        return Improvement(math.nan, math.nan, math.nan, math.nan, math.nan, n_x, n_y)
    low, high = _interval(samples, lambda *drawn, axis: _mean_wins(drawn))
    p_value, smallest = _permutation(list(zip(samples[::2], samples[1::2])))
    return Improvement(float(_mean_wins(samples)), low, high, p_value, smallest, n_x, n_y)


def difference(x: ArrayLike, y: ArrayLike, confidence: float = CONFIDENCE) -> Difference:
    """Mean of x minus mean of y, shapes (n,) and (m,), by Welch's t test; nan with a single score on a side.

    Where neither side varies, that test would call any difference certain: p is the permutation test's, and the
    interval has no width.
    """
    left, right = _sample(x), _sample(y)
    even = [np.ptp(side) == 0 for side in (left, right)]  # the mean of equal numbers may be rounded
    mean = float(np.subtract(*(side[0] if same else side.mean() for side, same in zip((left, right), even))))
    if min(len(left), len(right)) < 2:
        return Difference(mean, math.nan, math.nan, math.nan)
    if all(even):
        return Difference(mean, mean, mean, min(1.0, 2 / math.comb(len(left) + len(right), len(left))) if mean else 1.0)
    errors = [0.0 if same else side.var(ddof=1) / len(side) for side, same in zip((left, right), even)]
    squared = sum(errors)
    freedom = squared**2 / sum(error**2 / (len(side) - 1) for error, side in zip(errors, (left, right)))
    half = math.sqrt(squared) * float(t.ppf((1 + confidence) / 2, freedom))
    return Difference(mean, mean - half, mean + half, float(2 * t.sf(abs(mean) / math.sqrt(squared), freedom)))


def holm(p_values: ArrayLike) -> Array:
    """Holm's correction of p values, shape (n,), for their number; nan is no test and stays nan."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
    corrected = np.full(len(values), math.nan)
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(steps))
    return corrected


def rank_correlation(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Spearman's, shapes (n,) and (n,), and its two-sided p by a permutation test; nan where one does not vary."""
    left, right = _sample(x), _sample(y)
    if len(left) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return math.nan, math.nan
    ranks = rankdata(right)
    rng = np.random.default_rng(SEED)
    found = permutation_test(
        (rankdata(left),),
        lambda shuffled, axis: _correlation(shuffled, ranks),
        **{"permutation_type": "pairings", "vectorized": True, "n_resamples": RESAMPLES, "rng": rng},
    )
    return float(found.statistic), float(found.pvalue)


def _correlation(x: Array, y: Array) -> Array:
    """Pearson's, over the last axis: (..., n), (n,) -> (...)."""
    left, right = x - x.mean(axis=-1, keepdims=True), y - y.mean()
    return np.asarray((left * right).sum(axis=-1) / np.sqrt((left**2).sum(axis=-1) * (right**2).sum()))


def _permutation(pairs: Sequence[tuple[Array, Array]]) -> tuple[float, float]:
    """Two-sided p of permutations within each stratum, and the smallest p that these scores could give.

    SciPy's permutation test knows no strata. As strata are permuted independently, the mean of one value from the null
    distribution of each is a value from that of the mean; all combinations are taken where these are few.
    """
    rng = np.random.default_rng(SEED)
    nulls = [
        permutation_test(pair, _wins, vectorized=True, n_resamples=RESAMPLES, axis=-1, rng=rng).null_distribution
        for pair in pairs
    ]
    deals = math.prod(math.comb(len(x) + len(y), len(x)) for x, y in pairs)
    exact = deals <= RESAMPLES
    drawn = np.meshgrid(*nulls) if exact else [rng.choice(null, RESAMPLES) for null in nulls]
    # 1e-9: equal statistics must count as equal although they were summed in another order.
    observed = abs(np.mean([_wins(x, y) for x, y in pairs]) - 0.5) - 1e-9
    null = np.abs(np.mean(drawn, axis=0) - 0.5)
    as_extreme = np.count_nonzero(null >= observed)
    if exact:
        return as_extreme / deals, np.count_nonzero(null >= null.max() - 1e-9) / deals
    return (1 + as_extreme) / (1 + RESAMPLES), 1 / (1 + RESAMPLES)


def _sample(scores: ArrayLike) -> Array:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"scores = {scores!r}: expected one or more finite numbers, one per seed")
    return values


def _interval(
    samples: Sequence[Array], statistic: Callable[..., Array], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Each sample resampled by itself: the percentile interval of a statistic of them all."""
    if min(map(len, samples)) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(SEED)
    options = {"method": "percentile", "confidence_level": CONFIDENCE, "n_resamples": resamples, "rng": rng}
    found = bootstrap(samples, statistic, vectorized=True, axis=-1, **options).confidence_interval
    return float(found.low), float(found.high)


def _mean_wins(samples: Sequence[Array]) -> Array:
    """The mean of `_wins` over strata; x and y of each in turn."""
    wins: Array = np.mean([_wins(x, y) for x, y in zip(samples[::2], samples[1::2])], axis=0)
    return wins


def _wins(x: Array, y: Array, axis: int = -1) -> Array:
    """Share of pairs in which x is larger, ties counting half: (..., n), (..., m) -> (...)."""
    left, right = x[..., :, None], y[..., None, :]
    return np.asarray((left > right).mean(axis=(-2, -1)) + 0.5 * (left == right).mean(axis=(-2, -1)))
