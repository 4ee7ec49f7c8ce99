"""A layer's segment run forward, and made one operation of autograd's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.fused import fused
from rtrl_bench.gradients.machinery.node import recorded
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, swept

if TYPE_CHECKING:
    from rtrl_bench.gradients.machinery.fused.segment import FusedSegments


@dataclass
class Tape:
    """What the forward pass of a layer's segment leaves behind: all that its derivatives need.

    x (M, B, D): the layer's input. activations (M, B, K, N): the pre-activations u if the segment is fused, or else
    what the cell's `step_` has put in their place. previous (M, B, s, N): the states before the steps, zero where an
    episode begins.
    """

    cell: Cell
    episodes: Episodes
    x: Tensor
    activations: Tensor
    previous: Tensor
    parameters: Parameters

    @property
    def fused(self) -> FusedSegments | None:
        """What runs the segment by fused kernels, if something does."""
        return fused(self.cell, self.x.device, self.x.dtype)


class LayerGradient(NamedTuple):
    """Gradients of a segment's loss: of the layer's input (M, B, D), its parameters, and its state at the start.

    None stands for a gradient that is not wanted (x), or not passed on (state (B, s, N)).
    """

    x: Tensor | None
    parameters: Parameters
    state: Tensor | None = None


@torch.no_grad()
def forward_states(
    cell: Cell, parameters: Parameters, x: Tensor, episodes: Episodes, state: Tensor
) -> tuple[Tape, Tensor]:
    """Run a segment without autograd: its tape and its states (M, B, s, N)."""
    u, w = parameters.preactivations(x), parameters.recurrent
    by_kernels = fused(cell, x.device, x.dtype)
    if by_kernels is not None:
        previous, of_steps = by_kernels.forward(u, w, state, episodes.starts)
        return Tape(cell, episodes, x, u, previous, parameters), of_steps
    previous = x.new_empty(*x.shape[:2], *state.shape[1:])
    states = []
    for step, (u_t, before) in enumerate(zip(u, previous)):
        episodes.enter(step, state, out=before)
        state = cell.step_(u_t, before, w)
        states.append(state)
    return Tape(cell, episodes, x, u, previous, parameters), torch.stack(states)


def learning_states(
    cell: Cell,
    parameters: Parameters,
    x: Tensor,
    episodes: Episodes,
    state: Tensor,
    learn: Callable[[Tape, Tensor, bool], LayerGradient],
) -> Tensor:
    """Run a segment of one layer: its states (M, B, s, N), whose gradient `learn` gives in the backward pass.

    learn(tape, g, wants_x) gets the direct derivatives g = ∂L/∂c (M, B, s, N) and whether the input x (M, B, D) needs a
    gradient; state (B, s, N) is that at the segment's start.
    """

    def run() -> tuple[Tensor, tuple[Tensor, ...]]:
        tape, states = forward_states(cell, parameters, x, episodes, state)
        return states, (tape.x, tape.activations, tape.previous, *tape.parameters)

    def gradients(g: Tensor, saved: Sequence[Tensor], wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, activations, previous, *values = saved
        tape = Tape(cell, episodes, x, activations, previous, Parameters(*values))
        d_x, (d_weight, d_bias, d_recurrent), d_state = learn(tape, g, wanted[0])
        # laid out as the weight is: adding another layout to it takes autograd five times as long as this copy
        d_weight = d_weight.flatten(0, 1).contiguous().view_as(tape.parameters.weight)
        return d_x, d_weight, d_bias, d_recurrent, d_state

    return recorded(run, gradients, (x, *parameters, state))


def learns(*sources: Tensor) -> bool:
    """Whether a backward pass may come by what is computed from these now."""
    return torch.is_grad_enabled() and any(source.requires_grad for source in sources)


def autograd_states(cell: Cell, parameters: Parameters, x: Tensor, starts: Tensor, state: Tensor) -> Tensor:
    """States (M, B, s, N) of any cell, step by step under autograd's tape: the plain PyTorch way."""
    u = torch.einsum("tbd,knd->tbkn", x, parameters.weight) + parameters.bias
    states = []
    for t in range(len(x)):
        before = state.masked_fill(starts[t, :, None, None], 0)
        state = cell.step(u[t], before, parameters.recurrent)
        if t % SWEEP_STEPS == 0 and state.requires_grad:
            state.register_hook(swept)
        states.append(state)
    return torch.stack(states)
