"""Statistics across training seeds. A run's score is the mean over its evaluation episodes; the seed is the sample.

- mean ± standard deviation, the paper's format (ddof = 1, the sample standard deviation; undefined for one seed);
- interquartile mean (IQM) and its 95 % percentile-bootstrap interval, and the probability of improvement
  P(X > Y) + P(X = Y) / 2 of Agarwal et al. 2021, "Deep RL at the edge of the statistical precipice"; the bootstrap
  resamples seeds within each stratum (task);
- a permutation test of "X and Y have the same distribution", because with a handful of seeds a bootstrap
  interval of perfectly separated scores has no width.

All resampling is seeded by itself: the same scores give the same numbers, whatever was computed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 20_230_519

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
    """Probability that X beats Y, its interval, the permutation test's p, and the number of scores on either side."""

    probability: float
    low: float
    high: float
    p_value: float
    n_x: int
    n_y: int


def iqm(scores: Array) -> Array:
    """Mean of the last axis without its lowest and highest quarter (rounded down): (..., n) -> (...)."""
    n = scores.shape[-1]
    cut = n // 4
    trimmed: Array = np.sort(scores, axis=-1)[..., cut : n - cut]
    return np.asarray(trimmed.mean(axis=-1))


def summarise(scores: ArrayLike) -> Summary:
    """Mean, standard deviation and IQM with interval of the scores of n >= 1 seeds, shape (n,)."""
    values = _sample(scores)
    low, high = iqm_interval([values]) if len(values) > 1 else (np.nan, np.nan)
    std = values.std(ddof=1) if len(values) > 1 else np.nan
    return Summary(len(values), float(values.mean()), float(std), float(iqm(values)), low, high)


def iqm_interval(strata: Sequence[ArrayLike]) -> tuple[float, float]:
    """Stratified percentile-bootstrap interval of the IQM over all scores of all strata."""
    rng = np.random.default_rng(SEED)
    resampled = [_resample(_sample(s), rng) for s in strata]
    return _interval(iqm(np.concatenate(resampled, axis=-1)))


def improvement(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> Improvement:
    """Probability that X beats Y, averaged over strata; `pairs` holds (x, y), shapes (n,) and (m,), per stratum."""
    samples = [(_sample(x), _sample(y)) for x, y in pairs]
    rng = np.random.default_rng(SEED)
    bootstrap = np.mean([_wins(_resample(x, rng), _resample(y, rng)) for x, y in samples], axis=0)
    shuffled = np.mean([_wins(*_shuffle(x, y, rng)) for x, y in samples], axis=0)
    value = float(np.mean([_wins(x, y) for x, y in samples]))
    # 1e-9: equal statistics must count as equal although they were summed in another order.
    as_extreme = np.abs(shuffled - 0.5) >= abs(value - 0.5) - 1e-9
    single = all(len(x) == len(y) == 1 for x, y in samples)
    low, high = (np.nan, np.nan) if single else _interval(bootstrap)
    return Improvement(
        probability=value,
        low=low,
        high=high,
        p_value=float((1 + as_extreme.sum()) / (1 + RESAMPLES)),
        n_x=sum(len(x) for x, _ in samples),
        n_y=sum(len(y) for _, y in samples),
    )


def _sample(scores: ArrayLike) -> Array:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"scores = {scores!r}: expected one or more finite numbers, one per seed")
    return values


def _resample(values: Array, rng: np.random.Generator) -> Array:
    """(n,) -> (RESAMPLES, n), with replacement."""
    return values[rng.integers(0, len(values), (RESAMPLES, len(values)))]


def _shuffle(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Scores dealt anew to the two sides: (n,), (m,) -> (RESAMPLES, n), (RESAMPLES, m)."""
    pool = np.tile(np.concatenate([x, y]), (RESAMPLES, 1))
    dealt = rng.permuted(pool, axis=1)
    return dealt[:, : len(x)], dealt[:, len(x) :]


def _wins(x: Array, y: Array) -> Array:
    """Share of pairs in which x is larger, ties counting half: (..., n), (..., m) -> (...)."""
    left, right = x[..., :, None], y[..., None, :]
    return np.asarray((left > right).mean(axis=(-2, -1)) + 0.5 * (left == right).mean(axis=(-2, -1)))


def _interval(values: Array) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
