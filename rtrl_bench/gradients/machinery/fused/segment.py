"""A layer's segment by fused kernels: the matrix products around the scans, and the sensitivities moved by one more."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.fused.kernels import Kernels, Loss, Past
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape


class FusedSegments:
    """Segments of layers of one cell. On their tapes the activations are u itself."""

    def __init__(self, kernels: Kernels):
        self.kernels = kernels

    def forward(self, u: Tensor, w: Tensor, state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """u (M, B, K, N), w (K', N), state (B, s, N) -> previous, states (M, B, s, N), as on a tape."""
        return self.kernels.forward(u, w, state, starts)

    def learn(
        self, tape: Tape, g: Tensor, wants_x: bool, traces: dict[str, Tensor] | None = None, same_step: bool = False
    ) -> LayerGradient:
        """Back-propagate g (M, B, s, N); with `traces`, add the sensitivities' part and move them to the segment's end.

        same_step: the input gets what the loss owes to the same step alone, αᵀ g in the place of αᵀ e.
        """
        x, u, weight = tape.x, tape.activations, tape.parameters.weight
        to_input = torch.empty_like(u) if same_step else None
        loss, past = self._back(tape, g, traces, to_input)
        assert loss is not None
        d_x = (loss.d_u if to_input is None else to_input).flatten(2) @ weight.flatten(0, 1) if wants_x else None
        d_weight = x.flatten(0, 1).T @ loss.d_u.flatten(2).flatten(0, 1)  # (D, K N), as the sensitivities lie in memory
        if traces is not None and past is not None:
            self._move_weight(tape, traces["weight"], past, loss.d_state, d_weight)
        d_weight = d_weight.unflatten(1, weight.shape[:2]).movedim(0, -1)
        return LayerGradient(d_x, Parameters(d_weight, loss.d_bias, loss.d_recurrent), loss.d_state)

    def advance(self, tape: Tape, traces: dict[str, Tensor]) -> None:
        """Move the sensitivities over a segment without a loss."""
        _, past = self._back(tape, None, traces, None)
        assert past is not None
        self._move_weight(tape, traces["weight"], past, None, None)

    def _back(
        self, tape: Tape, g: Tensor | None, traces: dict[str, Tensor] | None, to_input: Tensor | None
    ) -> tuple[Loss | None, Past | None]:
        rows = None if traces is None else (traces["bias"], traces["recurrent"])
        w, starts = tape.parameters.recurrent, tape.episodes.starts
        return self.kernels.backward(tape.activations, w, tape.previous, starts, g, rows, to_input)

    def _move_weight(self, tape: Tape, trace: Tensor, past: Past, r: Tensor | None, d_weight: Tensor | None) -> None:
        """S_W ← p(0) S_W + Σ_t q(t) ⊗ x(t) in place, after adding Σ_b r ⊙ S_W to d_weight (D, K N)."""
        self.kernels.advance(trace, past, tape.episodes.starts, r, d_weight)
        x = tape.x.masked_fill(past.dropped[..., None], 0)  # q is zero there, x may be anything
        rows = past.q.flatten(2).transpose(0, 1)  # (B, M, s K N)
        trace.flatten(1, 3).transpose(1, 2).baddbmm_(x.permute(1, 2, 0), rows)


@cache
def segments_of(cell: ElementwiseCell, dtype: torch.dtype) -> FusedSegments:
    """Those of a cell; NotExpressible if no kernels can be made of it, ImportError without Triton."""
    return FusedSegments(Kernels(cell, dtype))
