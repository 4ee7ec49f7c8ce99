"""How a segment moves the sensitivities of an element-wise layer's state to the layer's own parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Layer, Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.elementwise import (
    InSegmentGradient,
    Linearised,
    blocks_from_the_end,
    gradient_by,
    linearised,
    times,
    transpose_times,
)
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.per_layer import PerLayer
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape


class CarriedSensitivities(PerLayer):
    """What all forms of RTRL share: each layer's sensitivities to its own parameters, carried from segment to segment.

    A layer's traces: weight (B, s, K, N, D), bias (B, s, K, N), recurrent (B, s, K', N). Inside a segment the layers of
    a stack are connected by ordinary back-propagation.
    """

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers)
        if not isinstance(cell, ElementwiseCell):
            name = type(cell).__name__
            raise ConfigError(f"gradient: exact RTRL needs an element-wise cell, {name} is none; use gradient: tbptt")

    def check_type(self, dtype: torch.dtype) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ConfigError(
                f"parameters of type {dtype}: sensitivities over a long memory do not survive its rounding, expected "
                "torch.float32 or torch.float64; use stack.float(), and torch.autocast for what lies around it"
            )

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        s = len(self.cell.state)
        parameters = layer.parameters._asdict().items()
        return {name: parameter.new_zeros(batch, s, *parameter.shape) for name, parameter in parameters}


class SegmentWise(CarriedSensitivities):
    """Each layer's own sensitivities carried over a segment at once."""

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        traces = super().first_traces(batch, layer, generator)
        inputs_first = traces["weight"].movedim(-1, 1).contiguous()  # (B, D, s, K, N): long, aligned rows
        return traces | {"weight": inputs_first.movedim(1, -1)}

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        if tape.fused is not None:
            return tape.fused.learn(tape, g, wants_x, carry.traces)
        return gradient_by(OwnGradient(carry.traces, tape), tape, g, wants_x)

    def advance(self, tape: Tape, carry: LayerCarry) -> None:
        if tape.fused is not None:
            tape.fused.advance(tape, carry.traces)
        else:
            Transition.over(tape).apply(carry.traces)


class OwnGradient(InSegmentGradient):
    """The in-segment gradient of a layer and what the sensitivities of its own state add to it."""

    def __init__(self, traces: dict[str, Tensor], tape: Tape):
        super().__init__(tape)
        self._traces, self._transition = traces, Transition(tape, consume=True)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        p = self._transition.suffix_products(steps, block)  # step by step, as e: what can be shared by threads follows
        super().add(steps, block, g, e)
        self._transition.add(steps, block, p)

    def finish(self, r: Tensor) -> Parameters:
        gradient = super().finish(r)
        self._transition.apply(self._traces, r, gradient)
        return gradient


class Transition:
    """What a segment does to the sensitivities: S(M) = p(0) S(0) + Σ_t p(t) ∂c(t)/∂θ.

    `consume`: p α may take the place of what the tape holds, block by block after its linearisation, as fresh memory
    costs page faults. For those who refuse a second backward pass before it reads the tape.
    """

    def __init__(self, tape: Tape, consume: bool):
        self.episodes = tape.episodes
        self.x = tape.episodes.times_zero(tape.x)  # at the steps left behind q is zero
        batch, s, n = tape.previous.shape[1:]
        identity = torch.eye(s, dtype=tape.x.dtype, device=tape.x.device)[:, :, None]
        self.p = identity.expand(batch, s, s, n)  # p(t) of the step before the blocks so far; in the end p(0)
        left = tape.activations.data  # autograd's own check of changed tensors is replaced by that of `consume`
        fits = consume and s == 1
        # q = p(t) α(t), (M, B, s, K, N)
        self.q = left.unsqueeze(2) if fits else left.new_empty(len(left), batch, s, *left.shape[2:])
        self.bias = left.new_zeros(batch, *self.q.shape[2:])  # Σ_t q(t)
        self.recurrent = left.new_zeros(batch, s, tape.parameters.recurrent.shape[0], n)  # Σ_t p(t) ω(t)

    @classmethod
    def over(cls, tape: Tape) -> Transition:
        """That of a whole segment."""
        transition = cls(tape, consume=True)
        for steps in blocks_from_the_end(tape):
            block = linearised(tape, steps)
            transition.add(steps, block, transition.suffix_products(steps, block))
        return transition

    def suffix_products(self, steps: slice, block: Linearised) -> Tensor:
        """p(t) (m, B, s, s, N) at a block of steps, the last block first."""
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
        """Take in a block of steps with its suffix products."""
        self.recurrent += self.episodes.total(times(p, block.omega), steps)
        times(p, block.alpha, out=self.q[steps])  # last, as a cell's derivatives may lie where it is written
        self.bias += self.episodes.total(self.q[steps], steps)

    def apply(self, traces: dict[str, Tensor], r: Tensor | None = None, gradient: Parameters | None = None) -> None:
        """Move the traces in place; with r (B, s, N) first add Σ_b r ⊙ S(0) to the gradient."""
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
CALL_BYTES = 1 << 17  # below it an operation on a slot's sensitivities costs less than calling it


def _advance_weight(
    sensitivity: Tensor,
    x: Tensor,
    q: Tensor,
    total: Tensor,
    episodes: Episodes,
    r: Tensor | None,
    d_weight: Tensor | None,
) -> None:
    """S_W ← p(0) S_W + Σ_t q(t) ⊗ x(t) in place, after adding Σ_b r ⊙ S_W to `d_weight`.

    Where an episode has begun p(0) is zero, and S_W may be infinite.

    A few slots at a time on a CPU: their block then goes through all three operations while it is in the cache, so
    main memory sees one read and one write of the sensitivities.
    """
    slots = len(sensitivity)
    together, alone = slots, slots  # for the product of matrices, and for what is done unit by unit
    if sensitivity.device.type == "cpu":
        bytes_per_slot = sensitivity[0].numel() * sensitivity.element_size()
        together = min(slots, max(1, torch.get_num_threads() * SLOT_BLOCK_BYTES // max(1, bytes_per_slot)))
        alone = min(together, max(1, CALL_BYTES // max(1, bytes_per_slot)))
    for first in range(0, slots, together):
        some = slice(first, min(first + together, slots))
        for slot in range(some.start, some.stop, alone):
            few = slice(slot, min(slot + alone, some.stop))
            block = sensitivity[few]
            if r is not None and d_weight is not None:
                _add_products(d_weight, r[few], block)
            if episodes.forget_past(block, few):
                _scale(block, total[few])
        rows = q[:, some].flatten(2).transpose(0, 1)  # (b, M, s K N)
        sensitivity[some].flatten(1, 3).transpose(1, 2).baddbmm_(x[:, some].permute(1, 2, 0), rows)


def _scale(block: Tensor, total: Tensor) -> None:
    """S_W ← p(0) S_W in place: block (b, s, K, N, D), total (b, s, s, N)."""
    if block.shape[1] == 1:
        block.mul_(total[:, 0, :, None, :, None])
    else:
        block.copy_(torch.einsum("bijn,bjknd->biknd", total, block))


def _add_products(d_weight: Tensor, r: Tensor, block: Tensor) -> None:
    """d_weight (K, N, D) += Σ_{b,s} r (b, s, N) ⊙ block (b, s, K, N, D)."""
    if r.shape[:2] == (1, 1):
        d_weight.addcmul_(r[0, 0, :, None], block[0, 0])
    else:
        d_weight.add_((r[:, :, None, :, None] * block).sum(dim=(0, 1)))
