"""Exact real-time recurrent learning of an element-wise layer, one pass over the sensitivities per segment.

The sensitivities S = ∂c/∂θ (Williams & Zipser 1989) enter a segment as S(0) and are carried over its M steps at once
(the fixed-size storage of Schmidhuber 1992, for the element-wise cells of Irie et al. 2024). With λ, α, ω, g, e as in
`elementwise.py` and the suffix products p(t) = λ(M) ··· λ(t+1), built by multiplication and never by division:
    ∂L/∂θ  = in-segment part of back-propagation + Σ_b r ⊙ S(0),   r = λ(1)ᵀ e(1) = ∂L/∂c(0)
    S_W(M) = p(0) S_W(0) + Σ_t (p(t) α(t)) ⊗ x(t),                 p(0) = λ(M) ··· λ(1)
Both sums over t are matrix products, so the (B, K, N, D) tensor is read and written once, not M times.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.config import ConfigError
from rtrl_bench.gradients import GRADIENTS, Carry, GradientMethod, Parameters
from rtrl_bench.gradients.elementwise import (
    Linearised,
    forward_states,
    linearise,
    run_segment,
    segment_gradient,
    times,
    transpose_times,
)


class CarriedSensitivities(GradientMethod):
    """What both forms of RTRL share: traces weight (B, s, K, N, D), bias (B, s, K, N), recurrent (B, s, K', N).

    The traces move on to the segment's end in place, during its backward pass. A segment without a loss is run under
    `torch.no_grad()` and moves them at once.
    """

    cell: ElementwiseCell

    def __init__(self, cell: Cell, window: int | str | None = None):
        super().__init__(cell, window)
        if not isinstance(cell, ElementwiseCell):
            name = type(cell).__name__
            raise ConfigError(f"gradient: exact RTRL needs an element-wise cell, {name} is none; use gradient: tbptt")

    def begin(self, batch: int, parameters: Parameters) -> Carry:
        carry = super().begin(batch, parameters)
        s = len(self.cell.state)
        carry.traces = {
            name: parameter.new_zeros(batch, s, *parameter.shape) for name, parameter in parameters._asdict().items()
        }
        return carry

    def segment(self, parameters: Parameters, x: Tensor, keep: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        if carry.pending:
            raise RuntimeError(
                "the sensitivities still stand at the previous segment's start: call backward() on its loss before "
                "the next segment, or run a segment that has no loss under torch.no_grad()"
            )
        traces = carry.traces
        if not torch.is_grad_enabled():
            u, previous, states = forward_states(self.cell, parameters, x, keep, carry.state)
            self.advance(traces, linearise(self.cell, x, keep, u, previous, parameters.recurrent), None, None)
            return states, Carry(states[-1].clone(), traces)

        def accumulate(seg: Linearised, g: Tensor, e: Tensor) -> Parameters:
            if not after.pending:
                raise RuntimeError("backward() was called twice on one segment; its sensitivities have moved on")
            gradient = self.advance(traces, seg, g, e)
            after.pending = False
            assert gradient is not None
            return gradient

        states = run_segment(self.cell, parameters, x, keep, carry.state, accumulate)
        after = Carry(states[-1].detach().clone(), traces, pending=True)
        return states, after

    def advance(
        self, traces: dict[str, Tensor], seg: Linearised, g: Tensor | None, e: Tensor | None
    ) -> Parameters | None:
        """Move the traces over the segment in place; with g and e (M, B, s, N) also return the gradient."""
        raise TypeError(f"{type(self).__name__} must define advance")


@GRADIENTS.register("rtrl")
class RTRL(CarriedSensitivities):
    """Exact RTRL, segment-wise."""

    def advance(
        self, traces: dict[str, Tensor], seg: Linearised, g: Tensor | None, e: Tensor | None
    ) -> Parameters | None:
        gradient = r = None
        if e is not None:
            gradient = segment_gradient(seg, e)
            r = transpose_times(seg.lam[0], e[0])  # (B, s, N)
        suffix, total = suffix_products(seg.lam)
        q = times(suffix, seg.alpha)  # (M, B, s, K, N)
        inhomogeneous = {"bias": q.sum(dim=0), "recurrent": times(suffix, seg.omega).sum(dim=0)}
        for name, new in inhomogeneous.items():
            if gradient is not None and r is not None:
                getattr(gradient, name).add_(transpose_times(traces[name], r).sum(dim=0))
            traces[name].copy_(times(total, traces[name]).add_(new))
        d_weight = gradient.weight if gradient is not None else None
        _advance_weight(traces["weight"], seg.x, q, total, r, d_weight)
        return gradient


def suffix_products(lam: Tensor) -> tuple[Tensor, Tensor]:
    """p(t) = λ(M) ··· λ(t+1) for t = 1..M, shape of λ (M, B, s, s, N), and the whole product p(0) (B, s, s, N)."""
    p = torch.empty_like(lam)
    s = lam.shape[-2]
    p[-1] = torch.eye(s, dtype=lam.dtype, device=lam.device).unsqueeze(-1)
    for t in range(len(lam) - 2, -1, -1):
        if s == 1:
            torch.mul(p[t + 1], lam[t + 1], out=p[t])
        else:
            p[t] = times(p[t + 1], lam[t + 1])
    return p, times(p[0], lam[0])


BLOCK_BYTES = 1 << 19  # of sensitivities worked on at once on a CPU: a share of a core's cache


def _advance_weight(
    sensitivity: Tensor, x: Tensor, q: Tensor, total: Tensor, r: Tensor | None, d_weight: Tensor | None
) -> None:
    """S_W ← p(0) S_W + Σ_t q(t) ⊗ x(t) in place, after adding Σ_b r ⊙ S_W to `d_weight`.

    A few slots at a time on a CPU: their block then goes through all three operations while it is in the cache, so
    main memory sees one read and one write of the sensitivities.
    """
    slots = len(sensitivity)
    if sensitivity.device.type == "cpu":
        bytes_per_slot = sensitivity[0].numel() * sensitivity.element_size()
        slots = min(slots, max(1, BLOCK_BYTES // max(1, bytes_per_slot)))
    for first in range(0, len(sensitivity), slots):
        some = slice(first, first + slots)
        block = sensitivity[some]
        if r is not None and d_weight is not None:
            _add_products(d_weight, r[some], block)
        if block.shape[1] == 1:
            block.mul_(total[some, 0, :, None, :, None])
        else:
            block.copy_(torch.einsum("bijn,bjknd->biknd", total[some], block))
        block.flatten(1, 3).baddbmm_(q[:, some].flatten(2).permute(1, 2, 0), x[:, some].transpose(0, 1))


def _add_products(d_weight: Tensor, r: Tensor, block: Tensor) -> None:
    """d_weight (K, N, D) += Σ_{b,s} r (b, s, N) ⊙ block (b, s, K, N, D)."""
    if r.shape[:2] == (1, 1):
        d_weight.addcmul_(r[0, 0, :, None], block[0, 0])
    else:
        d_weight.add_((r[:, :, None, :, None] * block).sum(dim=(0, 1)))
