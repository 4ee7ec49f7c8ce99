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
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.elementwise import in_segment_gradient, linearised, times
from rtrl_bench.gradients.machinery.own_sensitivities import CarriedSensitivities
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape


@GRADIENTS.register("rtrl_stepwise")
class StepwiseRTRL(CarriedSensitivities):
    """Exact RTRL of one layer, step by step; the same gradients as `rtrl`."""

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers)
        if layers > 1:
            raise ConfigError(f"layers = {layers}: gradient: rtrl_stepwise is for one layer; use gradient: rtrl")

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        traces = carry.traces
        found = Parameters(*(torch.zeros_like(parameter) for parameter in tape.parameters))
        for t, g_t in enumerate(g):
            _step(traces, tape, t)
            found.weight.add_(torch.einsum("bin,biknd->knd", g_t, traces["weight"]))
            found.bias.add_(torch.einsum("bin,bikn->kn", g_t, traces["bias"]))
            found.recurrent.add_(torch.einsum("bin,bikn->kn", g_t, traces["recurrent"]))
        return LayerGradient(in_segment_gradient(tape, g, wants_x).x if wants_x else None, found)

    def advance(self, tape: Tape, carry: LayerCarry) -> None:
        for t in range(len(tape.x)):
            _step(carry.traces, tape, t)


def _step(traces: dict[str, Tensor], tape: Tape, t: int) -> None:
    """Move the sensitivities from step t - 1 to step t, in place."""
    for trace in traces.values():
        tape.episodes.stop(t, trace)
    block = linearised(tape, slice(t, t + 1))
    lam, alpha, omega = block.lam[0], block.alpha[0], block.omega[0]
    s_w, s_b, s_r = traces["weight"], traces["bias"], traces["recurrent"]
    if lam.shape[-2] == 1:
        s_w.mul_(lam[..., None])
    else:
        s_w.copy_(torch.einsum("bijn,bjknd->biknd", lam, s_w))
    s_w.add_(alpha[..., None] * tape.x[t, :, None, None, None, :])
    s_b.copy_(times(lam, s_b).add_(alpha))
    s_r.copy_(times(lam, s_r).add_(omega))
