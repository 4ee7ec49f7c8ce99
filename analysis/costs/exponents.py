"""How fast a cost grows along a sweep: the exponent fitted to counts and to measurements, beside the predicted one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import linregress, t

from analysis import methods
from analysis.costs.load import SERIES
from analysis.stats import CONFIDENCE
from rtrl_bench.costs.theory import upper_half

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
    "sweep gradient cell axis basis quantity column exponent low high points fit_from fit_to predicted difference"
    " predicted_there verdict leading_term confirmed"
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
    """Least squares of log y on log x, shapes (n,), over the upper half of the range.

    Points where y is missing or not above 0 have no logarithm and are left out before the range is taken.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = (x > 0) & (y > 0)
    x, y = x[known], y[known]
    upper = upper_half(x) if len(x) else known[known]
    return fit_all(x[upper], y[upper])


def fit_all(x: ArrayLike, y: ArrayLike) -> Fit:
    """The same over all points, which must be above 0.

    The interval is Student's t for the slope, which takes the residuals for independent and normal.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    ends = (float(x.min()), float(x.max())) if len(x) else (math.nan, math.nan)
    if len(np.unique(x)) < MINIMUM:
        return Fit(math.nan, math.nan, math.nan, len(x), *ends)
    line = linregress(np.log(x), np.log(y))
    error = 0.0 if math.isnan(line.stderr) else line.stderr  # SciPy gives none to points on a level line
    half = error * t.ppf((1 + CONFIDENCE) / 2, len(x) - 2)
    return Fit(line.slope, line.slope - half, line.slope + half, len(x), *ends)


def exponents(points: pd.DataFrame, theory: pd.DataFrame) -> pd.DataFrame:
    """A row (COLUMNS) for each series of a sweep and each of FITTED.

    `predicted` is theory.csv's exponent, of the upper half of the whole sweep; `predicted_there` that of the predicted
    costs at the fitted points, which differs where counts or measurements end before the sweep does.
    """
    said = theory.set_index([*SERIES, "quantity"])[["exponent", "leading_term"]].T.to_dict()
    rows = []
    for series, curve in points.groupby(SERIES, sort=False):
        axis = curve["axis"].iloc[0]
        for basis, quantity, column, prediction in FITTED:
            found = fit(curve[axis], curve[column])
            fitted = curve[(curve[column] > 0) & (curve[axis] >= found.fit_from)]
            there = fit_all(fitted[axis], fitted[prediction])
            law = said.get((*series, quantity), {"exponent": math.nan, "leading_term": ""})
            predicted, cut_short = law["exponent"], found.fit_to < curve[axis].max()
            confirmed, verdict = _verdict(basis, quantity, found, predicted, there.exponent if cut_short else math.nan)
            rows.append(
                {
                    **dict(zip(SERIES, series)),
                    **{"axis": axis, "basis": basis, "quantity": quantity, "column": column},
                    **vars(found),
                    "predicted": predicted,
                    "difference": found.exponent - predicted,
                    "predicted_there": there.exponent,
                    "verdict": verdict,
                    "leading_term": law["leading_term"],
                    "confirmed": confirmed,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _verdict(basis: str, quantity: str, found: Fit, predicted: float, there: float) -> tuple[bool, str]:
    """Whether a prediction is confirmed, and what to say of it.

    Counted operations confirm a prediction or do not. Of measurements, in which constants matter, the difference is
    reported, and so it is of the counted peak memory, in which temporary copies have a say: see `sentence`.

    `there`: the predicted exponent at the fitted points, where these end before the sweep does.
    """
    if found.points == 0:
        return False, f"not {basis}"
    if math.isnan(found.exponent):
        return False, f"too few points: {found.points} in the upper half, {MINIMUM} needed"
    if math.isnan(predicted):
        return False, "no predicted exponent"
    reported = f"not judged, differs by {round(found.exponent - predicted, 2) + 0.0:+.2f}"
    if basis == "measured":
        return False, reported
    if _near(found.exponent, predicted):
        return True, "confirmed"
    if _near(found.exponent, there):
        return True, f"confirmed up to {found.fit_to:g}, where {there:.2f} is predicted"
    return False, "not confirmed" if quantity == "flops" else reported


def _near(exponent: float, predicted: float) -> bool:
    """1e-9: a difference of exactly the tolerance is within it, whatever the rounding."""
    return abs(exponent - predicted) <= TOLERANCE + 1e-9


def sentence(fits: pd.DataFrame) -> str:
    """How many predicted exponents the counts confirm."""
    held = fits[(fits["basis"] == "counted") & fits["exponent"].notna() & fits["predicted"].notna()]
    if held.empty:
        return "No predicted exponent could be held against counts."
    confirmed, flops = held["confirmed"], held["quantity"] == "flops"
    text = f"{(confirmed & flops).sum()} of {flops.sum()} predicted exponents of FLOPs are confirmed by the counts"
    against = held[flops & ~confirmed]
    names = [f"{methods.gradient_label(g)} in {sweep}" for g, sweep in zip(against["gradient"], against["sweep"])]
    text += f"; not those of {', '.join(names)}." if names else "."
    return (
        f"{text} Of peak memory they confirm {(confirmed & ~flops).sum()} of {(~flops).sum()}; "
        "temporary copies, which no formula has, are in the counts."
    )
