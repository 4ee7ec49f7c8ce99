"""Exact real-time recurrent learning of element-wise layers, in one pass over the sensitivities per segment.

Sensitivities S(t) = ∂c(t)/∂θ (Williams & Zipser 1989) are carried from segment to segment, and moved over all M steps
of one at once. That is the hybrid of RTRL and BPTT of Schmidhuber 1992, here for the element-wise cells of Irie et al.
2024. With λ(t) = ∂c(t)/∂c(t-1), α(t) = ∂c(t)/∂u(t) and the direct derivatives g(t) = ∂L(t)/∂c(t), for one slot:

    e(t)   = g(t) + λ(t+1)ᵀ e(t+1)                      back-propagation inside the segment, with e(M+1) = 0
    r      = λ(1)ᵀ e(1)                                 = ∂L/∂c(0)
    ∂L/∂W  = Σ_t (α(t)ᵀ e(t)) ⊗ x(t)  +  r ⊙ S_W(0)     inside the segment, and by all that was before it
    p(t)   = λ(M) ··· λ(t+1)
    S_W(M) = p(0) S_W(0)  +  Σ_t (p(t) α(t)) ⊗ x(t)

and likewise for b, and for w with ω(t) = ∂c(t)/∂w. Both sums over t are products of matrices, so the sensitivities
(B, K, N, D) are read and written once, not M times. `rtrl_stepwise.py` has the textbook form, which does that M times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS, Carry, Layer, Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.cross_sensitivities import no_cross_sensitivities
from rtrl_bench.gradients.machinery.elementwise import InSegmentGradient, Linearised, gradient_by, transpose_times
from rtrl_bench.gradients.machinery.own_sensitivities import CarriedSensitivities, SensitivityUpdate
from rtrl_bench.gradients.machinery.stack import run_stack
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape


class SegmentWise(CarriedSensitivities):
    """Each layer's sensitivities to its own parameters, moved once per segment.

    same_step: the input gets what the loss owes to the same step alone, αᵀ g in the place of αᵀ e.
    """

    same_step: ClassVar[bool] = False

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        traces = super().first_traces(batch, layer, generator)
        inputs_first = traces["weight"].movedim(-1, 1).contiguous()  # (B, D, s, K, N): long, aligned rows
        return traces | {"weight": inputs_first.movedim(1, -1)}

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        if tape.fused is not None:
            return tape.fused.learn(tape, g, wants_x, carry.traces, self.same_step)
        return gradient_by(OwnGradient(tape, carry.traces, self.same_step), tape, g, wants_x)

    def advance(self, tape: Tape, carry: LayerCarry) -> None:
        if tape.fused is not None:
            tape.fused.advance(tape, carry.traces)
        else:
            SensitivityUpdate.of(tape).apply(carry.traces)


class OwnGradient(InSegmentGradient):
    """∂L/∂θ of a layer: the part inside the segment, and r ⊙ S(0). Moves the sensitivities to S(M)."""

    def __init__(self, tape: Tape, sensitivities: dict[str, Tensor], same_step: bool):
        super().__init__(tape)
        if same_step:
            self.to_input = torch.empty_like(tape.activations)
        self._sensitivities, self._update = sensitivities, SensitivityUpdate(tape, overwrite_tape=True)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        if self.to_input is not self.d_u:
            transpose_times(block.alpha, g, out=self.to_input[steps])  # first: alpha's memory may become that of q
        p = self._update.suffix_products(steps, block)  # step by step, as e: what can be shared by threads follows
        super().add(steps, block, g, e)
        self._update.add(steps, block, p)

    def finish(self, r: Tensor) -> Parameters:
        gradient = super().finish(r)
        self._update.apply(self._sensitivities, r, gradient)
        return gradient


@GRADIENTS.register("rtrl")
class RTRL(SegmentWise):
    """The exact gradient, back to the episode's start, for any number of layers.

    Equals full BPTT if the parameters stand still; as they change along the way, what is carried is as stale as it is
    old. Two and more layers also carry dense sensitivities of each layer to all below it (`cross_sensitivities.py`),
    which take memory and time with the third power of N.
    """

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        carry.traces |= no_cross_sensitivities(batch, layers, len(self.cell.state))
        return carry

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        if len(layers) == 1:
            return super().segment(layers, x, starts, carry)
        return run_stack(self, layers, x, starts, carry)
