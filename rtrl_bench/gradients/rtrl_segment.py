"""RTRL of a stack without its cross-layer sensitivities: L groups of them instead of L (L + 1) / 2."""

from __future__ import annotations

from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.rtrl import SegmentWise


@GRADIENTS.register("rtrl_segment")
class SegmentRTRL(SegmentWise):
    """Exact inside the segment; over its start, each layer's own sensitivities alone.

    Of ∂L/∂θ_k it drops the paths by which θ_k, in earlier segments, moved the states of layers above k. What it equals:
    back-propagation through the whole stream in which, for θ_k, the states of the layers above k are constants at the
    starts of segments. With one layer it is exact.
    """
