"""Textbook RTRL of an element-wise layer: the sensitivities move at every step (Williams & Zipser 1989).

S_W ← λ S_W + α ⊗ x,  S_b ← λ S_b + α,  S_w ← λ S_w + ω,  ∂L/∂θ += g(t) S(t)    (Irie et al. 2024, section 3.1)
It reads and writes all sensitivities M times per segment. Kept as the oracle and baseline of `rtrl.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Parameters
from rtrl_bench.gradients.machinery.elementwise import Accumulator, Linearised, Tape, times, transpose_times
from rtrl_bench.gradients.machinery.episodes import clear
from rtrl_bench.gradients.rtrl import CarriedSensitivities


@GRADIENTS.register("rtrl_stepwise")
class StepwiseRTRL(CarriedSensitivities):
    """Exact RTRL of one layer, step by step; the same gradients as `rtrl`."""

    def __init__(self, cell: Cell, window: int | str | None = None, layers: int = 1):
        super().__init__(cell, window, layers)
        if layers > 1:
            raise ConfigError(f"layers = {layers}: gradient: rtrl_stepwise is for one layer; use gradient: rtrl")

    def accumulator(self, traces: dict[str, Tensor], tape: Tape) -> Accumulator:
        return _Gradient(traces, tape)

    def advance(self, traces: dict[str, Tensor], tape: Tape) -> None:
        for t in range(len(tape.x)):
            _step(traces, tape, t)


def _step(traces: dict[str, Tensor], tape: Tape, t: int) -> None:
    """Move the sensitivities from step t - 1 to step t, in place."""
    for trace in traces.values():
        clear(trace, tape.episodes.slots[t])
    block = tape.linearise(slice(t, t + 1))
    lam, alpha, omega = block.lam[0], block.alpha[0], block.omega[0]
    s_w, s_b, s_r = traces["weight"], traces["bias"], traces["recurrent"]
    if lam.shape[-2] == 1:
        s_w.mul_(lam[..., None])
    else:
        s_w.copy_(torch.einsum("bijn,bjknd->biknd", lam, s_w))
    s_w.add_(alpha[..., None] * tape.x[t, :, None, None, None, :])
    s_b.copy_(times(lam, s_b).add_(alpha))
    s_r.copy_(times(lam, s_r).add_(omega))


class _Gradient:
    """Σ_t g(t) S(t); the back-propagated e serves the input's gradient alone."""

    def __init__(self, traces: dict[str, Tensor], tape: Tape):
        self._traces, self._tape = traces, tape
        self.to_input = torch.empty_like(tape.left)
        self._g = tape.previous.new_empty(tape.previous.shape)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        """See `Accumulator`."""
        self.to_input[steps] = transpose_times(block.alpha, e)
        self._g[steps] = g

    def finish(self, r: Tensor) -> Parameters:
        """See `Accumulator`; r, the past's share, is in the sensitivities already."""
        s_w, s_b, s_r = (self._traces[name] for name in Parameters._fields)
        gradient = Parameters(*(torch.zeros_like(trace[0, 0]) for trace in (s_w, s_b, s_r)))
        for t, g in enumerate(self._g):
            _step(self._traces, self._tape, t)
            gradient.weight.add_(torch.einsum("bin,biknd->knd", g, s_w))
            gradient.bias.add_(torch.einsum("bin,bikn->kn", g, s_b))
            gradient.recurrent.add_(torch.einsum("bin,bikn->kn", g, s_r))
        return gradient
