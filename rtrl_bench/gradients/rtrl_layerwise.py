"""RTRL inside each layer, back-propagation between layers at the same step alone (Zucchet et al. 2023, section 3)."""

from __future__ import annotations

from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.rtrl import SegmentWise


@GRADIENTS.register("rtrl_layerwise")
class LayerwiseRTRL(SegmentWise):
    """Each layer's own sensitivities, exact over all time; what a layer passes down is the gradient of the same step.

    Of ∂L/∂θ_k it drops the paths that run through time inside a layer above k, also inside a segment. What it equals:
    back-propagation through the whole stream in which, for θ_k, the layers above k take their previous states as
    constants. The input's gradient is that of the same step, too. With one layer the parameters' gradient is exact.
    """

    same_step = True
