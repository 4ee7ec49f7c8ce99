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
    Accumulator,
    InSegmentGradient,
    Linearised,
    Tape,
    forward_states,
    run_segment,
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
        if carry.spent:
            raise RuntimeError(
                "a segment has begun from this carry, and moved its sensitivities: go on with the carry that it "
                "returned, or keep a copy.deepcopy of this one to branch off"
            )
        carry.spent = True
        traces = carry.traces
        if not torch.is_grad_enabled():
            tape, states = forward_states(self.cell, parameters, x, keep, carry.state)
            self.advance(traces, tape)
            return states, Carry(states[-1].clone(), traces)

        def accumulator(tape: Tape) -> Accumulator:
            if not after.pending:
                raise RuntimeError("backward() was called twice on one segment; its sensitivities have moved on")
            after.pending = False
            return self.accumulator(traces, tape)

        states = run_segment(self.cell, parameters, x, keep, carry.state, accumulator)
        after = Carry(states[-1].detach().clone(), traces, pending=True)
        return states, after

    def accumulator(self, traces: dict[str, Tensor], tape: Tape) -> Accumulator:
        """Collects the gradient of a segment and moves the traces to its end, in place."""
        raise TypeError(f"{type(self).__name__} must define accumulator")

    def advance(self, traces: dict[str, Tensor], tape: Tape) -> None:
        """Move the traces over a segment without loss, in place."""
        raise TypeError(f"{type(self).__name__} must define advance")


@GRADIENTS.register("rtrl")
class RTRL(CarriedSensitivities):
    """Exact RTRL, segment-wise."""

    def accumulator(self, traces: dict[str, Tensor], tape: Tape) -> Accumulator:
        return _Gradient(traces, tape)

    def advance(self, traces: dict[str, Tensor], tape: Tape) -> None:
        transition = Transition(tape)
        for steps in tape.blocks_from_the_end():
            transition.add(steps, tape.linearise(steps))
        transition.apply(traces, None, None)


class Transition:
    """What a segment does to the sensitivities: S(M) = p(0) S(0) + Σ_t p(t) ∂c(t)/∂θ."""

    def __init__(self, tape: Tape):
        self.x = tape.x
        batch, s, n = tape.previous.shape[1:]
        identity = torch.eye(s, dtype=tape.x.dtype, device=tape.x.device)[:, :, None]
        self.p = identity.expand(batch, s, s, n)  # p(t) of the step before the blocks so far; in the end p(0)
        self.q = tape.u.new_empty(len(tape.u), batch, s, *tape.u.shape[2:])  # p(t) α(t), (M, B, s, K, N)
        self.recurrent = tape.u.new_zeros(batch, s, tape.w.shape[0], n)

    def add(self, steps: slice, block: Linearised) -> None:
        """Take in a block of steps, the last block first."""
        p = torch.empty_like(block.lam)
        for p_t, lam in zip(reversed(p.unbind()), reversed(block.lam.unbind())):
            p_t.copy_(self.p)
            self.p = times(p_t, lam)
        times(p, block.alpha, out=self.q[steps])
        self.recurrent += times(p, block.omega).sum(dim=0)

    def apply(self, traces: dict[str, Tensor], r: Tensor | None, gradient: Parameters | None) -> None:
        """Move the traces in place; with r (B, s, N) first add Σ_b r ⊙ S(0) to the gradient."""
        for name, new in (("bias", self.q.sum(dim=0)), ("recurrent", self.recurrent)):
            if gradient is not None and r is not None:
                getattr(gradient, name).add_(transpose_times(traces[name], r).sum(dim=0))
            traces[name].copy_(times(self.p, traces[name]).add_(new))
        d_weight = gradient.weight if gradient is not None else None
        _advance_weight(traces["weight"], self.x, self.q, self.p, r, d_weight)


class _Gradient(InSegmentGradient):
    """The in-segment gradient and what the sensitivities add to it."""

    def __init__(self, traces: dict[str, Tensor], tape: Tape):
        super().__init__(tape)
        self._traces, self._transition = traces, Transition(tape)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        super().add(steps, block, g, e)
        self._transition.add(steps, block)

    def finish(self, r: Tensor) -> Parameters:
        gradient = super().finish(r)
        self._transition.apply(self._traces, r, gradient)
        return gradient


SLOT_BLOCK_BYTES = 1 << 19  # of sensitivities worked on at once on a CPU: a share of a core's cache


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
        slots = min(slots, max(1, SLOT_BLOCK_BYTES // max(1, bytes_per_slot)))
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
