"""The present step's derivative alone, with no memory in the gradient: the control of every other method.

With the state before a step taken as a constant and g(t) = ∂L/∂c(t), the direct derivative:

    ∂L/∂u(t) = α(t)ᵀ g(t),   ∂L/∂W = Σ_t ∂L/∂u(t) ⊗ x(t),   ∂L/∂b = Σ_t ∂L/∂u(t),   ∂L/∂w = Σ_t ω(t)ᵀ g(t)

with α(t) = ∂c(t)/∂u(t) and ω(t) = ∂c(t)/∂w. By its abstracts, arXiv 2603.28750 claims that this, there called d = 0, is
enough: with RMSProp (version 1), or with Adam in float64 (version 3). Whatever is said for a method that carries
sensitivities should hold against it. It is the term I_t of RTRL, S_t = J_t S_{t-1} + I_t, in Menick et al. 2021
(equation 3) without the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import vjp

from rtrl_bench.gradients import GRADIENTS, Carry, GradientMethod, Layer
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.jacobians import parameter_gradient, to_input
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape, learning_states


@GRADIENTS.register("immediate")
class Immediate(GradientMethod):
    """The gradient of each step alone, the state before it taken as constant, for any cell and any number of layers.

    Equals TBPTT with segments of one step and the parameters held fixed over M of them. It drops all paths through
    time, also inside the segment, and for the input too. Carries the state and nothing else: B M A numbers of a tape,
    some 7 P operations a step, all steps of the backward pass at once. Use it to see what a task owes to memory in the
    gradient.
    """

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        episodes = Episodes.of(starts)

        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            return learning_states(self.cell, layer.parameters, x, episodes, state, _of_each_step)

        h, states = self.run_layers(layers, x, carry.state, run)
        return h, Carry(torch.cat([of_layer[-1] for of_layer in states], dim=-2))


def _of_each_step(tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
    u = tape.parameters.preactivations(tape.x)
    back = vjp(tape.cell.step, u, tape.previous, tape.parameters.recurrent)[1]
    d_u, _, d_w = back(g)
    return LayerGradient(to_input(tape, d_u) if wants_x else None, parameter_gradient(tape, d_u, d_w))
