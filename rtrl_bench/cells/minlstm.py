"""minLSTM: an LSTM whose gates see the input alone and sum to one (Feng et al. 2024, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS, ElementwiseCell, linear_init_, retentive_bias_


@CELLS.register("minlstm")
class MinLSTM(ElementwiseCell):
    """f = σ(F x + b_f), i = σ(I x + b_i), h̃ = H x + b_h, c' = (f ⊙ c + i ⊙ h̃) / (f + i).

    The paper's plain, length-independent form. Where both gates underflow, nothing is kept. Weights as
    torch.nn.Linear's, the default that the paper leaves. No recurrent parameters.
    """

    gates = ("f", "i", "h")
    recurrent = ()

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(u[..., 2:, :], c, self._kept(torch.sigmoid(u[..., :2, :])))

    @staticmethod
    def _kept(gates: Tensor) -> Tensor:
        """f / (f + i)."""
        f, i = gates.split(1, dim=-2)
        return f / (f + i).clamp_min(torch.finfo(gates.dtype).tiny)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.partials_(torch.cat([torch.sigmoid(u[..., :2, :]), u[..., 2:, :]], dim=-2), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(u[..., 2:, :], c, self._kept(u[..., :2, :].sigmoid_()))

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f, i, h = activations.split(1, dim=-2)
        kept = self._kept(activations[..., :2, :])
        taken = 1 - kept
        by_log = (c - h) * kept * taken  # ∂c'/∂(log f - log i)
        alpha = torch.cat([by_log * (1 - f), by_log * (i - 1), taken], dim=-2).unsqueeze(-3)
        return kept.unsqueeze(-3), alpha, alpha[..., :0, :]

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        linear_init_(weight, bias)
        if retention is not None:
            retentive_bias_(bias[0], retention)
            bias[1].copy_(-bias[0])  # σ(b) / (σ(b) + σ(-b)) = σ(b)
