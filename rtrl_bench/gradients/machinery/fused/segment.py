"""A layer's segment by fused kernels: the matrix products around the scans, and the sensitivities moved by one more."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rtrl_bench.gradients.machinery.fused.kernels import Kernels, Past


class Segment(NamedTuple):
    """x (M, B, D), u (M, B, K, N), previous (M, B, s, N) as the forward scan made it, starts (M, B), W and w."""

    x: Tensor
    u: Tensor
    previous: Tensor
    starts: Tensor
    weight: Tensor
    recurrent: Tensor


class Gradients(NamedTuple):
    """Of x (M, B, D), if it was wanted, of the parameters, and of the state (B, s, N) before the segment."""

    x: Tensor | None
    weight: Tensor
    bias: Tensor
    recurrent: Tensor
    state: Tensor


def learn(
    kernels: Kernels,
    segment: Segment,
    g: Tensor,
    wants_x: bool,
    traces: dict[str, Tensor] | None = None,
    same_step: bool = False,
) -> Gradients:
    """Back-propagate g (M, B, s, N); with `traces`, add the sensitivities' part and move them to the segment's end.

    same_step: the input gets what the loss owes to the same step alone, αᵀ g in the place of αᵀ e.
    """
    x, u, previous, starts, weight, recurrent = segment
    to_input = torch.empty_like(u) if same_step else None
    loss, past = kernels.backward(u, recurrent, previous, starts, g, _rows(traces), to_input)
    assert loss is not None
    d_rows, rows = (loss.d_u if to_input is None else to_input).flatten(2), loss.d_u.flatten(2).flatten(0, 1)
    d_x = d_rows @ weight.flatten(0, 1) if wants_x else None
    d_weight = x.flatten(0, 1).T @ rows  # (D, K N), as the sensitivities lie in memory
    if traces is not None and past is not None:
        _move_weight(kernels, segment, traces["weight"], past, loss.d_state, d_weight)
    d_weight = d_weight.T.contiguous().view(weight.shape)
    return Gradients(d_x, d_weight, loss.d_bias, loss.d_recurrent, loss.d_state)


def advance(kernels: Kernels, segment: Segment, traces: dict[str, Tensor]) -> None:
    """Move the sensitivities over a segment without a loss."""
    _, u, previous, starts, _, recurrent = segment
    _, past = kernels.backward(u, recurrent, previous, starts, None, _rows(traces))
    assert past is not None
    _move_weight(kernels, segment, traces["weight"], past, None, None)


def _rows(traces: dict[str, Tensor] | None) -> tuple[Tensor, Tensor] | None:
    return None if traces is None else (traces["bias"], traces["recurrent"])


def _move_weight(
    kernels: Kernels, segment: Segment, trace: Tensor, past: Past, r: Tensor | None, d_weight: Tensor | None
) -> None:
    """S_W ← p(0) S_W + Σ_t q(t) ⊗ x(t) in place, after adding Σ_b r ⊙ S_W to d_weight (D, K N)."""
    kernels.advance(trace, past, segment.starts, r, d_weight)
    x = segment.x.masked_fill(past.dropped[..., None], 0)  # q is zero there, x may be anything
    rows = past.q.flatten(2).transpose(0, 1)  # (B, M, s K N)
    trace.flatten(1, 3).transpose(1, 2).baddbmm_(x.permute(1, 2, 0), rows)
