"""Textbook RTRL of an element-wise layer: the sensitivities move at every step (Williams & Zipser 1989).

S_W ← λ S_W + α ⊗ x,  S_b ← λ S_b + α,  S_w ← λ S_w + ω,  ∂L/∂θ += g(t) S(t)    (Irie et al. 2024, section 3.1)
It reads and writes all sensitivities M times per segment. Kept as the oracle and baseline of `rtrl.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS, Parameters
from rtrl_bench.gradients.elementwise import Linearised, times
from rtrl_bench.gradients.rtrl import CarriedSensitivities


@GRADIENTS.register("rtrl_stepwise")
class StepwiseRTRL(CarriedSensitivities):
    """Exact RTRL, step by step; the same gradients as `rtrl`."""

    def advance(
        self, traces: dict[str, Tensor], seg: Linearised, g: Tensor | None, e: Tensor | None
    ) -> Parameters | None:
        s_w, s_b, s_r = traces["weight"], traces["bias"], traces["recurrent"]
        gradient = Parameters(*(torch.zeros_like(trace[0, 0]) for trace in (s_w, s_b, s_r)))
        for t, lam in enumerate(seg.lam):
            if lam.shape[-2] == 1:
                s_w.mul_(lam[..., None])
            else:
                s_w.copy_(torch.einsum("bijn,bjknd->biknd", lam, s_w))
            s_w.add_(seg.alpha[t, ..., None] * seg.x[t, :, None, None, None, :])
            s_b.copy_(times(lam, s_b).add_(seg.alpha[t]))
            s_r.copy_(times(lam, s_r).add_(seg.omega[t]))
            if g is not None:
                gradient.weight.add_(torch.einsum("bin,biknd->knd", g[t], s_w))
                gradient.bias.add_(torch.einsum("bin,bikn->kn", g[t], s_b))
                gradient.recurrent.add_(torch.einsum("bin,bikn->kn", g[t], s_r))
        return gradient if g is not None else None
