"""With what power a cost grows along a sweep: fitted to counts and measurements, beside the predicted exponent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from analysis import labels
from analysis.costs import SERIES, Costs
from analysis.stats import CONFIDENCE

MINIMUM = 3  # points
TOLERANCE = 0.1  # between a fitted exponent and the predicted one
# Basis, quantity as theory.csv names it, column of costs.csv, column of its prediction. The time of a step is held
# against its operations.
FITTED = (
    ("counted", "flops", "counted_flops_per_step", "predicted_flops_per_step"),
    ("counted", "memory", "counted_peak_bytes", "predicted_peak_bytes"),
    ("measured", "flops", "measured_step_s", "predicted_flops_per_step"),
    ("measured", "memory", "measured_peak_bytes", "predicted_peak_bytes"),
)
COLUMNS = (
    "sweep method cell axis basis quantity column exponent low high points fit_from fit_to predicted difference"
    " predicted_there verdict leading_term"
).split()


@dataclass(frozen=True)
class Fit:
    """y ~ x^exponent over `points` points from `fit_from` to `fit_to`, with the exponent's 95 % interval.

    With fewer than MINIMUM points there is no exponent (nan).
    """

    exponent: float
    low: float
    high: float
    points: int
    fit_from: float
    fit_to: float


def fit(x: ArrayLike, y: ArrayLike) -> Fit:
    """Least squares of log y on log x, shapes (n,), over x >= sqrt(min x · max x), the upper half of the range.

    Lower-order terms die out towards large x, so the lower half would pull the exponent down. Points where y is
    missing or not above 0 have no logarithm and are left out before the range is taken. The interval is Student's t
    for the slope, which takes the residuals for independent and normal.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = (x > 0) & (y > 0)
    x, y = x[known], y[known]
    if len(x):
        upper = x >= math.sqrt(x.min() * x.max()) * (1 - 1e-9)  # the middle itself belongs to it
        x, y = x[upper], y[upper]
    return fit_all(x, y)


def fit_all(x: ArrayLike, y: ArrayLike) -> Fit:
    """The same over all points, which must be above 0."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    ends = (float(x.min()), float(x.max())) if len(x) else (math.nan, math.nan)
    if len(np.unique(x)) < MINIMUM:
        return Fit(math.nan, math.nan, math.nan, len(x), *ends)
    u, v = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope = float(u @ v / (u @ u))
    freedom = len(x) - 2
    error = math.sqrt(float(((v - slope * u) ** 2).sum()) / freedom / float(u @ u))
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error  # quantile of Student's t
    return Fit(slope, slope - half, slope + half, len(x), *ends)


def exponents(costs: Costs) -> pd.DataFrame:
    """A row (COLUMNS) for each series of a sweep and each of FITTED.

    `predicted` is theory.csv's exponent, of the upper half of the whole sweep; `predicted_there` that of the predicted
    costs at the fitted points, which differs where counts or measurements end before the sweep does.
    """
    theory = costs.theory.set_index([*SERIES, "quantity"])
    rows = []
    for series, points in costs.points.groupby(SERIES, sort=False):
        axis = points["axis"].iloc[0]
        for basis, quantity, column, prediction in FITTED:
            found = fit(points[axis], points[column])
            fitted = points[(points[column] > 0) & (points[axis] >= found.fit_from)]
            there = fit_all(fitted[axis], fitted[prediction])
            cut_short = found.fit_to < points[axis].max()
            key = (*series, quantity)
            said = theory.loc[[key]].iloc[0] if key in theory.index else None
            predicted = math.nan if said is None else float(said["exponent"])
            rows.append(
                {
                    **dict(zip(SERIES, series)),
                    **{"axis": axis, "basis": basis, "quantity": quantity, "column": column},
                    **vars(found),
                    "predicted": predicted,
                    "difference": found.exponent - predicted,
                    "predicted_there": there.exponent,
                    "verdict": _verdict(basis, quantity, found, predicted, there.exponent if cut_short else math.nan),
                    "leading_term": "" if said is None else said["leading_term"],
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _verdict(basis: str, quantity: str, found: Fit, predicted: float, there: float) -> str:
    """Counted operations confirm a prediction or do not. Of measurements, in which constants matter, the difference is
    reported, and so it is of the counted peak memory, in which the compiler has a say: see `sentence`.

    `there`: the predicted exponent at the fitted points, where these end before the sweep does.
    """
    if found.points == 0:
        return f"not {basis}"
    if math.isnan(found.exponent):
        return f"too few points: {found.points} in the upper half, {MINIMUM} needed"
    if math.isnan(predicted):
        return "no predicted exponent"
    if basis == "measured":
        return _reported(found.exponent, predicted)
    if _near(found.exponent, predicted):
        return "confirmed"
    if _near(found.exponent, there):
        return f"confirmed up to {found.fit_to:g}, where {there:.2f} is predicted"
    return "not confirmed" if quantity == "flops" else _reported(found.exponent, predicted)


def _reported(exponent: float, predicted: float) -> str:
    return f"reported, {round(exponent - predicted, 2) + 0.0:+.2f}"


def _near(exponent: float, predicted: float) -> bool:
    """1e-9: a difference of exactly the tolerance is within it, whatever the rounding."""
    return abs(exponent - predicted) <= TOLERANCE + 1e-9


def sentence(fits: pd.DataFrame) -> str:
    """How many predicted exponents the counts confirm."""
    held = fits[(fits["basis"] == "counted") & fits["exponent"].notna() & fits["predicted"].notna()]
    if held.empty:
        return "No predicted exponent could be held against counts."
    confirmed = held["verdict"].str.startswith("confirmed")
    flops = held["quantity"] == "flops"
    text = f"{(confirmed & flops).sum()} of {flops.sum()} predicted exponents of FLOPs are confirmed by the counts"
    against = held[flops & ~confirmed]
    names = [f"{labels.method(row['method'])} in {row['sweep']}" for _, row in against.iterrows()]
    text += f"; not those of {', '.join(names)}." if names else "."
    return (
        f"{text} Of peak memory they confirm {(confirmed & ~flops).sum()} of {(~flops).sum()}: a compiler decides "
        "what it holds at the same time, such as sensitivities before and after a segment; PyTorch moves them in place."
    )
