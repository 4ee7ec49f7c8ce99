"""Back-propagation inside a segment of an element-wise layer, which TBPTT and all forms of RTRL share.

Autograd keeps no tape of the steps. The cell's own derivatives λ(t) = ∂c(t)/∂c(t-1), α(t) = ∂c(t)/∂u(t) and
ω(t) = ∂c(t)/∂w are computed in the backward pass, block by block. With g(t) = ∂L(t)/∂c(t), the direct derivative:

    e(t)     = g(t) + λ(t+1)ᵀ e(t+1)        e is zero beyond the segment's end; where an episode begins with step t + 1,
                                            nothing comes back from it
    ∂L/∂u(t) = α(t)ᵀ e(t)                   and from there to W, b and x
    ∂L/∂w    = Σ_t ω(t)ᵀ e(t)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape

BLOCK_BYTES = 7 << 18  # of pre-activations linearised at once on a CPU, for each thread: a share of its cache


def gradient_by(accumulator: Accumulator, tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
    """The gradient that an accumulator makes of a segment of an element-wise layer, given g (M, B, s, N)."""
    later = torch.zeros_like(g[0])
    for steps in blocks_from_the_end(tape):
        block = linearised(tape, steps)
        e, later = backpropagate(g[steps], block.lam, later, tape.episodes, steps)
        accumulator.add(steps, block, g[steps], e)
    weight = tape.parameters.weight.flatten(0, 1)
    d_x = aligned_product(accumulator.to_input.flatten(2), weight) if wants_x else None
    return LayerGradient(d_x, accumulator.finish(later), later)


def in_segment_gradient(tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
    """Back-propagation inside the segment, and nothing else."""
    if tape.fused is not None:
        return tape.fused.learn(tape, g, wants_x)
    return gradient_by(InSegmentGradient(tape), tape, g, wants_x)


class Accumulator(Protocol):
    """Collects a segment's gradient from its blocks of steps, the last block first."""

    to_input: Tensor  # (M, B, K, N), complete after the last `add`: this times W is the gradient of the input

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        """Take in a block of m steps, with the direct derivatives g and the back-propagated e, both (m, B, s, N)."""

    def finish(self, r: Tensor) -> Parameters:
        """The parameters' gradients, given r = ∂L/∂c(0) (B, s, N)."""


class InSegmentGradient:
    """The gradient by what happens inside the segment, which is all that TBPTT has."""

    def __init__(self, tape: Tape):
        self.tape = tape
        self.d_u = self.to_input = torch.empty_like(tape.activations)  # ∂L/∂u (M, B, K, N)
        self._recurrent = torch.zeros_like(tape.parameters.recurrent)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        transpose_times(block.alpha, e, out=self.d_u[steps])
        self._recurrent += transpose_times(block.omega, e).sum(dim=(0, 1))

    def finish(self, r: Tensor) -> Parameters:
        """What lies before the segment is cut off, so r is not needed."""
        rows = self.d_u.flatten(2).flatten(0, 1)
        transposed = self.tape.x.flatten(0, 1).T @ rows  # (D, K N): its rows are aligned, whatever D is
        weight = transposed.unflatten(1, self.d_u.shape[2:]).movedim(0, -1)
        return Parameters(weight, self.d_u.sum(dim=(0, 1)), self._recurrent)


@dataclass
class Linearised:
    """The cell's derivatives at a block of m steps, as its `partials` returns them: not to be written to.

    λ (m, B, s, s, N), α (m, B, s, K, N), ω (m, B, s, K', N). λ is the cell's, and knows nothing of episodes: where one
    begins, whoever multiplies by λ has to stop.
    """

    lam: Tensor
    alpha: Tensor
    omega: Tensor


def linearised(tape: Tape, steps: slice) -> Linearised:
    """The derivatives at `steps` of the tape of an element-wise cell."""
    cell = tape.cell
    if not isinstance(cell, ElementwiseCell):
        raise TypeError(f"{type(cell).__name__} is no element-wise cell: the method must refuse it in its constructor")
    partials = cell.partials_ if tape.fused is None else cell.partials
    return Linearised(*partials(tape.activations[steps], tape.previous[steps], tape.parameters.recurrent))


def blocks_from_the_end(tape: Tape) -> Iterator[slice]:
    """The segment cut into blocks of steps, the last first; one block except on a CPU."""
    steps = len(tape.x)
    size = steps
    if tape.x.device.type == "cpu":
        bytes_per_step = tape.activations[0].numel() * tape.activations.element_size()
        size = max(1, torch.get_num_threads() * BLOCK_BYTES // max(1, bytes_per_step))
    for stop in range(steps, 0, -size):
        yield slice(max(0, stop - size), stop)


def backpropagate(g: Tensor, lam: Tensor, later: Tensor, episodes: Episodes, steps: slice) -> tuple[Tensor, Tensor]:
    """e(t) = g(t) + λ(t+1)ᵀ e(t+1) over a block of steps: e (m, B, s, N), and λᵀ e at its first step (B, s, N).

    The latter is the `later` of the block before it, to be done next. At the segment's end `later` is zero.
    """
    e = torch.empty_like(g)
    g_t, lam_t, e_t = g.unbind(), lam.unbind(), e.unbind()
    torch.add(g_t[-1], later, out=e_t[-1])
    for t in reversed(range(len(e))):
        if t + 1 < len(e):
            add_transpose_times(g_t[t], lam_t[t + 1], e_t[t + 1], out=e_t[t])
            episodes.stop(steps.start + t + 1, e_t[t], g_t[t])
        if (steps.start + t) % SWEEP_STEPS == 0:
            sweep(e_t[t])
    before = transpose_times(lam_t[0], e_t[0])
    episodes.stop(steps.start, before)
    return e, before


def transpose_times(matrix: Tensor, row: Tensor, out: Tensor | None = None) -> Tensor:
    """Σ_i matrix[i, ...] row[i]: matrix (..., s, R, N), row (..., s, N) -> (..., R, N), each unit by itself."""
    result = torch.mul(matrix[..., 0, :, :], row[..., :1, :], out=out)
    return _add_further_rows(result, matrix, row)


def add_transpose_times(addend: Tensor, matrix: Tensor, row: Tensor, out: Tensor) -> Tensor:
    """`addend` (..., R, N) + transpose_times(matrix, row)."""
    torch.addcmul(addend, matrix[..., 0, :, :], row[..., :1, :], out=out)
    return _add_further_rows(out, matrix, row)


def _add_further_rows(result: Tensor, matrix: Tensor, row: Tensor) -> Tensor:
    for i in range(1, row.shape[-2]):
        result.addcmul_(matrix[..., i, :, :], row[..., i : i + 1, :])
    return result


def times(matrix: Tensor, other: Tensor, out: Tensor | None = None) -> Tensor:
    """Σ_j matrix[i, j] other[j, r]: (..., s, s, N) by (..., s, R, N) -> (..., s, R, N), each unit by itself.

    `out` must not be one of the two.
    """
    if matrix.shape[-2] == 1:  # nothing to sum, and views cost as much as a product of a few rows
        return torch.mul(matrix, other, out=out)
    result = torch.mul(matrix[..., :, :1, :], other[..., :1, :, :], out=out)
    for j in range(1, matrix.shape[-2]):
        result.addcmul_(matrix[..., :, j : j + 1, :], other[..., j : j + 1, :, :])
    return result


def mix_(rows: Tensor, matrix: Tensor) -> None:
    """rows[:, i] ← Σ_j matrix[:, i, j] rows[:, j] in place: rows (b, s, ...), matrix (b, s, s, ...)."""
    if rows.shape[1] == 1:
        rows.mul_(matrix[:, 0])
        return
    before = rows.clone()
    for i in range(rows.shape[1]):
        torch.mul(matrix[:, i, 0], before[:, 0], out=rows[:, i])
        for j in range(1, rows.shape[1]):
            rows[:, i].addcmul_(matrix[:, i, j], before[:, j])


def aligned_product(rows: Tensor, matrix: Tensor) -> Tensor:
    """rows (..., I) @ matrix (I, O), where every row of the result begins at a full vector register.

    Where O is odd, as with the paper's D = 257, MKL takes half as long again for a result without gaps.
    """
    outputs, lanes = matrix.shape[1], 64 // rows.element_size()
    result = rows.new_empty(*rows.shape[:-1], -(-outputs // lanes) * lanes)[..., :outputs]
    torch.mm(rows.flatten(0, -2), matrix, out=result.flatten(0, -2))
    return result
