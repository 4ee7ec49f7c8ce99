"""The paper's claim about a second layer."""

from __future__ import annotations

import pandas as pd

from analysis import labels, methods
from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN, Claim, Part
from analysis.costs.exponents import exponents
from analysis.load import Results

FASTER = 0.5  # by which the exponent must be larger with two layers: N^3 in place of N^2 is 1
ALIKE = ["study", "batch", "unroll"]  # of what is compared
QUANTITIES = {"flops": "operations per step", "memory": "peak memory"}


def claims(results: Results) -> list[Claim]:
    """How exact RTRL's cost grows with the number of units N, with one layer and with two."""
    points = results["points"]
    exact = points[(points["gradient"] == "rtrl") & (points["axis"] == "hidden") & (points["cell"] == methods.CELL)]
    square = (exact["inputs"] == exact["hidden"]).groupby(exact["sweep"]).transform("all").astype(bool)
    exact = exact[square]  # else the power of N is another
    parts = [_part(exact, results, quantity) for quantity in QUANTITIES]
    sentence = "Exact RTRL stops being tractable with a second recurrent layer."
    note = (
        "What is tested is how costs grow with N, by counting; how large two layers may be depends on the machine, and "
        "small ones remain affordable. That RTRL's gradient is cut off below the recurrent layers holds by "
        "construction, as in the paper: not tested."
    )
    shows = ("cost_against_N", "cost_against_L", "largest_hidden", "exponents", "limits")
    return [Claim(5, "layers", "a second layer", sentence, tuple(parts), shows, note)]


def _fits(alike: pd.DataFrame, theory: pd.DataFrame, quantity: str) -> list[pd.Series]:
    """The power of N with one layer and with two, as far as there are any; of several sweeps the finest."""
    found = []
    for layers in (1, 2):
        fits = exponents(alike[alike["layers"] == layers], theory)
        fits = fits[(fits["basis"] == "counted") & (fits["quantity"] == quantity)].dropna(subset="exponent")
        found += [] if fits.empty else [fits.iloc[fits["points"].argmax()]]
    return found


def _part(exact: pd.DataFrame, results: Results, quantity: str) -> Part:
    what = f"{QUANTITIES[quantity]} of N units a layer: a higher power of N with two layers than with one"
    found = [_fits(alike, results["theory"], quantity) for _, alike in exact.groupby(ALIKE, sort=False)]
    both = [fits for fits in found if len(fits) == 2]
    if not both:
        why = "costs were not counted with both one layer and two in one study, at equal B and M"
        return Part(what, NOT_TESTED, why)
    one, two = max(both, key=lambda fits: sum(fit["points"] for fit in fits))  # of several the finest
    verdict = SHOWN if two["exponent"] - one["exponent"] >= FASTER and two["low"] > one["high"] else NOT_SHOWN
    verdict = CONTRADICTED if two["high"] < one["low"] else verdict
    n = f"{two['points']} + {one['points']} sizes"
    powers = [labels.interval(fit["exponent"], fit["low"], fit["high"], 2) for fit in (two, one)]
    return Part(what, verdict, f"N to the power of {powers[0]} with two layers, {powers[1]} with one", n=n)
