"""One segment of an element-wise cell without a tape per time step: shared by TBPTT and both forms of RTRL.

Notation of Irie et al. 2024 and of Schmidhuber 1992 (hybrid of RTRL and BPTT). Inside a segment the parameters are
constant, so with g(t) = ∂L(t)/∂c(t) the direct derivative and λ(t) = ∂c(t)/∂c(t-1) (zero where an episode starts):
    e(t) = g(t) + λ(t+1)ᵀ e(t+1)        ordinary back-propagation, e = 0 beyond the end of the segment
    ∂L/∂u(t) = α(t)ᵀ e(t)               and from there to W, b and x; ∂L/∂w += ω(t)ᵀ e(t)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients import Parameters


@dataclass
class Linearised:
    """A segment's inputs and the cell's derivatives along it.

    x (M, B, D), λ (M, B, s, s, N) with zeros at episode starts, α (M, B, s, K, N), ω (M, B, s, K', N).
    """

    x: Tensor
    lam: Tensor
    alpha: Tensor
    omega: Tensor


def transpose_times(matrix: Tensor, row: Tensor) -> Tensor:
    """Σ_i matrix[i, ...] row[i]: matrix (..., s, R, N), row (..., s, N) -> (..., R, N), each unit by itself."""
    if row.shape[-2] == 1:
        return matrix[..., 0, :, :] * row
    return torch.einsum("...irn,...in->...rn", matrix, row)


def times(matrix: Tensor, other: Tensor) -> Tensor:
    """Σ_j matrix[i, j] other[j, r]: (..., s, s, N) by (..., s, R, N) -> (..., s, R, N), each unit by itself."""
    if matrix.shape[-2] == 1:
        return matrix * other
    return torch.einsum("...ijn,...jrn->...irn", matrix, other)


# Given the segment, the direct gradients g and the back-propagated e, both (M, B, s, N): the parameters' gradients.
Accumulate = Callable[[Linearised, Tensor, Tensor], Parameters]


def segment_gradient(seg: Linearised, e: Tensor) -> Parameters:
    """In-segment part of the gradient, all that TBPTT has: Σ_t over the segment."""
    a = transpose_times(seg.alpha, e)
    return Parameters(
        weight=_outer_sum(a, seg.x),
        bias=a.sum(dim=(0, 1)),
        recurrent=transpose_times(seg.omega, e).sum(dim=(0, 1)),
    )


def _outer_sum(a: Tensor, x: Tensor) -> Tensor:
    """Σ_{t,b} a ⊗ x: (M, B, K, N), (M, B, D) -> (K, N, D), as one matrix product."""
    return (a.flatten(2).flatten(0, 1).T @ x.flatten(0, 1)).unflatten(0, a.shape[2:])


def run_segment(
    cell: ElementwiseCell,
    parameters: Parameters,
    x: Tensor,
    keep: Tensor,
    state: Tensor,
    accumulate: Accumulate,
) -> Tensor:
    """States (M, B, s, N) whose backward pass gives `accumulate`'s gradients to the parameters.

    x (M, B, D) receives the gradient truncated at the segment's start; state (B, s, N) receives none.
    """
    states: Tensor = _Segment.apply(x, *parameters, keep, state, cell, accumulate)
    return states


def forward_states(
    cell: ElementwiseCell, parameters: Parameters, x: Tensor, keep: Tensor, state: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """u (M, B, K, N), the masked previous states and the states, both (M, B, s, N)."""
    weight, bias, w = parameters
    u = (x @ weight.flatten(0, 1).T).unflatten(-1, bias.shape).add_(bias)
    previous, states = (x.new_empty(*x.shape[:2], *state.shape[1:]) for _ in range(2))
    mask = keep[:, :, None, None]
    for t in range(len(x)):
        torch.mul(state, mask[t], out=previous[t])
        state = cell.step(u[t], previous[t], w)
        states[t] = state
    return u, previous, states


def linearise(cell: ElementwiseCell, x: Tensor, keep: Tensor, u: Tensor, previous: Tensor, w: Tensor) -> Linearised:
    """The cell's derivatives at every step of the segment, in one vectorised call."""
    lam, alpha, omega = cell.partials(u, previous, w)
    return Linearised(x, lam.mul_(keep[:, :, None, None, None]), alpha, omega)


def backpropagate(g: Tensor, lam: Tensor) -> Tensor:
    """e(t) = g(t) + λ(t+1)ᵀ e(t+1): (M, B, s, N)."""
    e = torch.empty_like(g)
    e[-1] = g[-1]
    for t in range(len(g) - 2, -1, -1):
        if g.shape[-2] == 1:
            torch.addcmul(g[t], lam[t + 1, :, 0], e[t + 1], out=e[t])
        else:
            torch.add(g[t], transpose_times(lam[t + 1], e[t + 1]), out=e[t])
    return e


class _Segment(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        w: Tensor,
        keep: Tensor,
        state: Tensor,
        cell: ElementwiseCell,
        accumulate: Accumulate,
    ) -> Tensor:
        u, previous, states = forward_states(cell, Parameters(weight, bias, w), x, keep, state)
        ctx.save_for_backward(x, weight, w, keep, u, previous)
        ctx.cell, ctx.accumulate = cell, accumulate
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, w, keep, u, previous = ctx.saved_tensors
        seg = linearise(ctx.cell, x, keep, u, previous, w)
        e = backpropagate(g, seg.lam)
        d_x = None
        if ctx.needs_input_grad[0]:
            d_x = transpose_times(seg.alpha, e).flatten(2) @ weight.flatten(0, 1)
        return d_x, *ctx.accumulate(seg, g, e), None, None, None, None
