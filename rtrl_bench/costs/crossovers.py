"""Where one method overtakes another, and the largest network that fits: by prediction, or in measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes

LONGEST = 10**6  # steps of an episode or a segment, units of a layer: further than this nothing is searched
NEARLY_EQUAL = 1.1  # times the cost of TBPTT


def first_integer(holds: Callable[[int], bool], highest: int = LONGEST) -> int | None:
    """The smallest integer from 1 to `highest` where `holds`, which stays true once it is; None if there is none."""
    if not holds(highest):
        return None
    low, high = 0, highest  # holds(high), and not holds(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def largest_hidden(method: str, sizes: Sizes, budget_bytes: float) -> int:
    """The largest N predicted to fit in `budget_bytes`, parameters included, at most `LONGEST`; 0 if none does."""

    def exceeds(hidden: int) -> bool:
        cost = predict(method, replace(sizes, hidden=hidden))
        return cost.peak_bytes + cost.parameter_bytes > budget_bytes

    too_large = first_integer(exceeds)
    return LONGEST if too_large is None else too_large - 1


def episode_crossover(method: str, sizes: Sizes) -> int | None:
    """The episode length from which `method` is predicted to need less memory than full BPTT; None if there is none."""
    peak = predict(method, sizes).peak_bytes
    return first_integer(lambda t: predict("bptt", replace(sizes, episode=t)).peak_bytes > peak)


def unroll_crossover(sizes: Sizes) -> int | None:
    """The segment length from which RTRL is predicted to take less than 1.1 times the operations of TBPTT."""

    def near(m: int) -> bool:
        at = replace(sizes, unroll=m)
        return predict("rtrl", at).flops_per_step < NEARLY_EQUAL * predict("tbptt", at).flops_per_step

    return first_integer(near)


def measured_crossover(positions: Sequence[int], differences: Sequence[float]) -> float | None:
    """Where `differences`, known at ascending positions, become negative for good, interpolated; None if they do not.

    It is the first position if they are negative from there on.
    """
    negative = len(differences)
    while negative and differences[negative - 1] < 0:
        negative -= 1
    if negative == len(differences):
        return None
    if negative == 0:
        return float(positions[0])
    (x0, x1), (y0, y1) = (values[negative - 1 : negative + 1] for values in (positions, differences))
    return x0 + (x1 - x0) * y0 / (y0 - y1)
