"""How predicted costs grow along a sweep: the exponent, and in words the term that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression

import numpy as np
from numpy.typing import ArrayLike, NDArray

# P: parameters, P_l those of layer l; G, G_l those of readouts, C_l without those on the layer's input; n = L s N;
# R: recurrent parameters; A: numbers that a step leaves for the backward pass. "Own S": a layer's state by its own
# parameters, s K N D_l numbers and a few.
_FLOPS = {
    "bptt": "6 B P",
    "tbptt": "6 B P",
    "rtrl_dense": "2 B n² P",
    "rtrl_dense_segment": "2 B n² P / M + 4 B n P",
    "rtrl_stepwise": "(2 s + 3) B s K N D + 2 B P + 4 B G",
    "rtrl": "6 B P + 2 B s K N D",
    "rtrl_layerwise": "6 B P + 2 B L s K N D",
    "rtrl_segment": "6 B P + 2 B L s K N D",
    "columnar": "6 B P_L + 2 B s K N D_L + 2 B (P - P_L)",
    "immediate": "6 B P + 2 B R",
    "eprop": "2 B (s² + s + 1) P + B (2 + 5 s) R",
    "rflo": "6 B P + 7 B R",
    "snap": "2 B s N R, or 2 B (s N)² P where the pattern is full",
    "random_paths": "2 B (s N)² P",
    "uoro": "11 B P + 8 B R",
    "kf_rtrl": "2 B (s N)² K N + 2 B s N R",
}
_MEMORY = {
    "bptt": "B T A + 2 P",
    "tbptt": "B M A + 2 P",
    "rtrl_dense": "2 B n P",
    "rtrl_dense_segment": "3 B n P",
    "rtrl_stepwise": "2 B s K N D + B M A + 2 P",
    "rtrl": "B s K N D + B M A + 2 P",
    "rtrl_layerwise": "B L s K N D + B M A + 2 P",
    "rtrl_segment": "B L s K N D + B M A + 2 P",
    "columnar": "B s K N D_L + B M A + 2 P",
    "immediate": "B M A + 2 P",
    "eprop": "2 B s P + B M A",
    "rflo": "2 B P + B M A",
    "snap": "2 B s P + B M A, or 2 B s N P where the pattern is full",
    "random_paths": "2 B s N P",
    "uoro": "3 B P + B M A",
    "kf_rtrl": "6 B s K N² + B M A",
}
_STACKED = {
    ("rtrl_stepwise", 2, "flops"): "2 B s N (own S) + (2 s + 2) B s N P_1 + 4 B s N G_1",
    ("rtrl_stepwise", 3, "flops"): "2 B Σ (s N)² P_k",
    ("rtrl", 2, "flops"): "2 B s N (P_1 + C_1)",
    ("rtrl", 3, "flops"): "2 B s N Σ (P_k + G_k) + 2 B Σ (s N)² P_k / M",
    ("rtrl_stepwise", 2, "memory"): "2 B s N P_1",
    ("rtrl_stepwise", 3, "memory"): "B s N Σ P_k",
    ("rtrl", 2, "memory"): "B s N P_1",
    ("rtrl", 3, "memory"): "B s N Σ P_k",
}
QUANTITIES = {"flops": "predicted_flops_per_step", "memory": "predicted_peak_bytes"}


def leading_term(method: str, layers: int, quantity: str) -> str:
    """The largest terms of `quantity` (flops, per step, or memory) in the symbols of docs/complexity.md."""
    single = _FLOPS if quantity == "flops" else _MEMORY
    return _STACKED.get((method, min(layers, 3), quantity), single[method])


def exponent(positions: Sequence[float], costs: Sequence[float]) -> float | None:
    """Least-squares slope of log cost on log position over the upper half of the range; None for a single position.

    Over the two last ones at least.
    """
    if len(positions) < 2:
        return None
    count = max(2, int(upper_half(positions).sum()))
    return linear_regression(np.log(positions[-count:]), np.log(costs[-count:])).slope


def upper_half(positions: ArrayLike) -> NDArray[np.bool_]:
    """Which positions, all above 0, belong to the upper half of their range: those from its geometric middle on.

    There the lower-order terms of a cost matter least.
    """
    x = np.asarray(positions, dtype=np.float64)
    return x >= np.sqrt(x.min() * x.max()) * (1 - 1e-9)  # the middle itself belongs to it
