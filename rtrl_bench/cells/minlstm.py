"""minLSTM: an LSTM whose gates see the input alone and sum to one (Feng et al. 2024, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from rtrl_bench.cells import CELLS, ElementwiseCell, linear_init_, retentive_bias_


@CELLS.register("minlstm")
class MinLSTM(ElementwiseCell):
    """f = σ(F x + b_f), i = σ(I x + b_i), h̃ = H x + b_h, c' = (f ⊙ c + i ⊙ h̃) / (f + i).

    The paper's plain, length-independent form. f / (f + i) is computed as σ(log f - log i), which no underflow of both
    gates makes 0 / 0. Weights as torch.nn.Linear's, the default that the paper leaves. No recurrent parameters.
    """

    gates = ("f", "i", "h")
    recurrent = ()

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        f, i, h = (u[..., k : k + 1, :] for k in range(3))
        return torch.lerp(h, c, torch.sigmoid(softplus(-i) - softplus(-f)))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f, i, h = (u[..., k : k + 1, :] for k in range(3))
        keep = torch.sigmoid(softplus(-i) - softplus(-f))
        slope = (c - h) * keep * (1 - keep)  # ∂c'/∂(log f - log i)
        alpha = torch.cat([slope * torch.sigmoid(-f), -slope * torch.sigmoid(-i), 1 - keep], dim=-2).unsqueeze(-3)
        return keep.unsqueeze(-3), alpha, alpha[..., :0, :]

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        linear_init_(weight, bias)
        if retention is not None:
            retentive_bias_(bias[0], retention)
            bias[1].copy_(-bias[0])  # σ(b) / (σ(b) + σ(-b)) = σ(b)
