"""RTRL inside each layer, back-propagation between layers at the same step alone (Zucchet et al. 2023, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.elementwise import Linearised, gradient_by, transpose_times
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape
from rtrl_bench.gradients.rtrl import OwnGradient, SegmentWise


@GRADIENTS.register("rtrl_layerwise")
class LayerwiseRTRL(SegmentWise):
    """Each layer's own sensitivities, exact over all time; what a layer passes down is the gradient of the same step.

    Of ∂L/∂θ_k it drops the paths that run through time inside a layer above k, also inside a segment. What it equals:
    back-propagation through the whole stream in which, for θ_k, the layers above k take their previous states as
    constants. The input's gradient is that of the same step, too. With one layer the parameters' gradient is exact.
    """

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        if tape.fused is not None:
            return tape.fused.learn(tape, g, wants_x, carry.traces, same_step=True)
        return gradient_by(_SameStep(tape, carry.traces), tape, g, wants_x)


class _SameStep(OwnGradient):
    """As with exact RTRL of the layer, but the input is given αᵀ g in the place of αᵀ e."""

    def __init__(self, tape: Tape, sensitivities: dict[str, Tensor]):
        super().__init__(tape, sensitivities)
        self.to_input = torch.empty_like(tape.activations)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        transpose_times(block.alpha, g, out=self.to_input[steps])
        super().add(steps, block, g, e)
