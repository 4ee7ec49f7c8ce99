"""Exponents: fitted against predicted

How fast cost grows along each sweep: if size doubles, cost grows by two to the power of the exponent. The fitted
exponent is the least-squares slope of log cost against log size over the upper half of the sweep (from its geometric
middle on), with its 95 % t-interval; at least three points with a value are needed. The predicted exponent is the same
slope of the predicted costs. A count confirms a prediction if both exponents differ by at most 0.1. Where counting
stopped before the end of the sweep, agreement with the prediction for the counted points also suffices, and the verdict
gives that prediction. For measurements, which contain constants and overheads that no formula has, the verdict only
gives the difference, and so it does where counted peak memory, which contains temporary copies, does not confirm the
prediction. Time per step is compared with predicted FLOPs.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from analysis import labels, methods
from analysis.costs.exponents import exponents, sentence
from analysis.costs.load import NOT_STUDIED, SYMBOLS
from analysis.costs.source import source
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table, texts

PLACE = 2
QUANTITIES = {"flops": "FLOPs per step", "memory": "peak memory"}


def build(results: Results) -> Table:
    """Fitted exponents beside the predicted ones, with a verdict on each."""
    if results["points"].empty:
        raise NothingToShow(NOT_STUDIED)
    frame = exponents(results["points"], results["theory"])
    text = {
        "Sweep": frame["sweep"],
        "Method": frame["gradient"].map(methods.gradient_label),
        "Cell": frame["cell"].map(methods.cell_label),
        "In": frame["axis"].map(SYMBOLS),
        "Quantity": texts(frame, _quantity, "basis", "quantity"),
        "Predicted": frame["predicted"].map(partial(labels.number, digits=2)),
        "Fitted [95 % interval]": texts(frame, partial(labels.interval, digits=2), "exponent", "low", "high"),
        "Points": texts(frame, _points, "axis", "points", "fit_from", "fit_to"),
        "Verdict": frame["verdict"],
        "Leading term": frame["leading_term"],
    }
    return Table(frame.drop(columns="confirmed"), pd.DataFrame(text), (sentence(frame), source(results)))


def _quantity(basis: str, quantity: str) -> str:
    time = (basis, quantity) == ("measured", "flops")
    return "measured time per step" if time else f"{basis} {QUANTITIES[quantity]}"


def _points(axis: str, points: int, low: float, high: float) -> str:
    return f"{points}, {SYMBOLS[axis]} = {low:g}–{high:g}" if points else labels.NOTHING
