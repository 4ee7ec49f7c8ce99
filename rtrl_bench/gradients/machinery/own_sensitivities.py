"""Sensitivities of an element-wise layer's state to the layer's own parameters, and what a segment does to them.

The sensitivity S = ∂c/∂θ of a unit's state to a parameter of another unit is zero, so of S_W only the units' own rows
are kept: (B, s, K, N, D) for W (K, N, D). With λ, α and ω of `elementwise.py`, a segment of M steps leads from S(0) to
    S_W(M) = p(0) S_W(0) + Σ_t q(t) ⊗ x(t)      p(t) = λ(M) ··· λ(t+1),  q(t) = p(t) α(t)
    S_b(M) = p(0) S_b(0) + Σ_t q(t)
    S_w(M) = p(0) S_w(0) + Σ_t p(t) ω(t)
The products p(t) are built step by step from the segment's end, never by division. Where an episode begins at a step
after t, p(t) is zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Layer, Parameters
from rtrl_bench.gradients.machinery.elementwise import (
    Linearised,
    blocks_from_the_end,
    linearised,
    mix_,
    times,
    transpose_times,
)
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.per_layer import PerLayer
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import Tape


class CarriedSensitivities(PerLayer):
    """What all forms of RTRL share: each layer's sensitivities to its own parameters, carried from segment to segment.

    A layer's traces: weight (B, s, K, N, D), bias (B, s, K, N), recurrent (B, s, K', N). Inside a segment the layers of
    a stack are connected by ordinary back-propagation.
    """

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers)
        if not isinstance(cell, ElementwiseCell):
            name = type(cell).__name__
            raise ConfigError(
                f"gradient: exact RTRL at this cost needs an element-wise cell, not {name}; use rtrl_dense (exact, for "
                "small layers), an approximation such as snap, or tbptt"
            )

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        s = len(self.cell.state)
        parameters = layer.parameters._asdict().items()
        return {name: parameter.new_zeros(batch, s, *parameter.shape) for name, parameter in parameters}


class SensitivityUpdate:
    """The segment's part in S(M): p(0), Σ_t q(t) ⊗ x(t), Σ_t q(t) and Σ_t p(t) ω(t), gathered block by block.

    For every block of steps, the last block first, call `suffix_products` and then `add`; at the end `apply`.

    overwrite_tape: let q take the place of the tape's activations, block by block after these have been used. That
        saves fresh memory and its page faults. The tape can then not be read a second time, so this is for those who
        refuse a second backward pass before it comes here.
    """

    def __init__(self, tape: Tape, overwrite_tape: bool):
        self.episodes = tape.episodes
        self.x = tape.episodes.times_zero(tape.x)  # where an episode begins later, q is zero
        batch, s, n = tape.previous.shape[1:]
        identity = torch.eye(s, dtype=tape.x.dtype, device=tape.x.device)[:, :, None]
        self.p = identity.expand(batch, s, s, n)  # p(t) at the step before the blocks so far; in the end p(0)
        activations = tape.activations.data  # .data: autograd is not to notice that they are overwritten
        if overwrite_tape and s == 1:
            self.q = activations.unsqueeze(2)  # (M, B, s, K, N)
        else:
            self.q = activations.new_empty(*activations.shape[:2], s, *activations.shape[2:])
        self.bias = activations.new_zeros(batch, *self.q.shape[2:])  # Σ_t q(t)
        self.recurrent = activations.new_zeros(batch, s, tape.parameters.recurrent.shape[0], n)  # Σ_t p(t) ω(t)

    @classmethod
    def of(cls, tape: Tape) -> SensitivityUpdate:
        """That of a whole segment."""
        update = cls(tape, overwrite_tape=True)
        for steps in blocks_from_the_end(tape):
            block = linearised(tape, steps)
            update.add(steps, block, update.suffix_products(steps, block))
        return update

    def suffix_products(self, steps: slice, block: Linearised) -> Tensor:
        """p(t) (m, B, s, s, N) at a block of steps."""
        episodes, first = self.episodes, steps.start or 0
        p = torch.empty_like(block.lam)
        p_t, lam = p.unbind(), block.lam.unbind()
        p_t[-1].copy_(self.p)
        for t in reversed(range(1, len(p))):
            times(p_t[t], lam[t], out=p_t[t - 1])
            episodes.stop(first + t, p_t[t - 1])
            if (first + t) % SWEEP_STEPS == 0:
                sweep(p_t[t - 1])
        self.p = times(p_t[0], lam[0])
        sweep(self.p)
        if first:
            episodes.stop(first, self.p)
        else:
            episodes.forget_past(self.p)
        return p

    def add(self, steps: slice, block: Linearised, p: Tensor) -> None:
        """Take in a block of steps, given its suffix products."""
        self.recurrent += self.episodes.total(times(p, block.omega), steps)
        times(p, block.alpha, out=self.q[steps])  # last, as a cell's derivatives may lie where it is written
        self.bias += self.episodes.total(self.q[steps], steps)

    def apply(self, traces: dict[str, Tensor], r: Tensor | None = None, gradient: Parameters | None = None) -> None:
        """Move the sensitivities to the segment's end, in place.

        With r = ∂L/∂c(0) (B, s, N), first add to the gradient what the past contributes, Σ_b r ⊙ S(0).
        """
        episodes = self.episodes
        for name, new in (("bias", self.bias), ("recurrent", self.recurrent)):
            episodes.stop(0, traces[name])
            if gradient is not None and r is not None:
                getattr(gradient, name).add_(transpose_times(traces[name], r).sum(dim=0))
            episodes.forget_past(traces[name])
            traces[name].copy_(times(self.p, traces[name]).add_(new))
        episodes.stop(0, traces["weight"])
        d_weight = gradient.weight if gradient is not None else None
        _advance_weight(traces["weight"], self.x, self.q, self.p, episodes, r, d_weight)


SLOT_BLOCK_BYTES = 9 << 19  # of sensitivities worked on at once on a CPU, for each thread: a share of its cache
CALL_BYTES = 1 << 16  # up to it an operation on a slot's sensitivities costs less than calling it


def _advance_weight(
    sensitivity: Tensor, x: Tensor, q: Tensor, p: Tensor, episodes: Episodes, r: Tensor | None, d_weight: Tensor | None
) -> None:
    """S_W ← p(0) S_W + Σ_t q(t) ⊗ x(t) in place, after adding Σ_b r ⊙ S_W to `d_weight`.

    Slots that have begun an episode are cleared: p(0) is zero there, but 0 · S_W is not zero where S_W is infinite.

    On a CPU a few slots are done at a time. All three operations then find them in the cache, and main memory sees one
    read and one write of the sensitivities.
    """
    slots, gates = len(sensitivity), sensitivity.shape[2]
    together, one_by_one = slots, False
    if sensitivity.device.type == "cpu":
        bytes_per_slot = sensitivity[0].numel() * sensitivity.element_size()
        together = max(1, torch.get_num_threads() * SLOT_BLOCK_BYTES // max(1, bytes_per_slot))
        one_by_one = bytes_per_slot > CALL_BYTES
    p = _for_all_gates(p, gates)
    r = None if r is None else _for_all_gates(r, gates)
    for first in range(0, slots, together):
        some = slice(first, min(first + together, slots))
        block = sensitivity[some]
        if r is not None and d_weight is not None:
            _add_products(d_weight, r[some], block, one_by_one)
        if episodes.forget_past(block, some):
            mix_(block, p[some])
        rows = q[:, some].flatten(2).transpose(0, 1)  # (b, M, s K N)
        block.flatten(1, 3).transpose(1, 2).baddbmm_(x[:, some].permute(1, 2, 0), rows)


def _for_all_gates(rows: Tensor, gates: int) -> Tensor:
    """Rows (..., N) as (..., K, N, 1), which lie in memory as a slot's sensitivities to one input do."""
    return rows.unsqueeze(-2).expand(*rows.shape[:-1], gates, -1).contiguous().unsqueeze(-1)


def _add_products(d_weight: Tensor, r: Tensor, block: Tensor, one_by_one: bool) -> None:
    """d_weight (K, N, D) += Σ_{b,s} r (b, s, K, N, 1) ⊙ block (b, s, K, N, D), in one call or slot by slot.

    One call for all sums in the order of the memory, D before K and N: any other takes up to ten times as long.
    """
    if one_by_one:
        for of_slot in zip(*map(zip, r.unbind(1), block.unbind(1))):
            for r_i, slot_i in of_slot:
                d_weight.addcmul_(r_i, slot_i)
    else:
        d_weight.movedim(-1, 0).add_((r * block).movedim(-1, 2).sum(dim=(0, 1)))
