"""minGRU: a GRU whose gates see the input alone (Feng et al. 2024, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS, ElementwiseCell, linear_init_, retentive_bias_


@CELLS.register("mingru")
class MinGRU(ElementwiseCell):
    """z = σ(Z x + b_z), h̃ = H x + b_h, c' = (1 - z) ⊙ c + z ⊙ h̃.

    The paper's plain form: its log-space form, made for parallel scans, also passes h̃ through a positive function.
    Weights as torch.nn.Linear's, the default that the paper leaves. No recurrent parameters.
    """

    gates = ("z", "h")
    recurrent = ()

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(c, u[..., 1:, :], torch.sigmoid(u[..., :1, :]))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.partials_(torch.cat([torch.sigmoid(u[..., :1, :]), u[..., 1:, :]], dim=-2), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(c, u[..., 1:, :], u[..., :1, :].sigmoid_())

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, h = activations[..., :1, :], activations[..., 1:, :]
        keep = 1 - z
        alpha = torch.cat([(h - c) * z * keep, z], dim=-2).unsqueeze(-3)
        return keep.unsqueeze(-3), alpha, alpha[..., :0, :]

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        linear_init_(weight, bias)
        if retention is not None:
            retentive_bias_(bias[0], retention)
            bias[0].neg_()  # 1 - z is what is kept
