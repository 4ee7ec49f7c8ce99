"""eGRU: the GRU with element-wise recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, retentive_bias_


@CELLS.register("egru")
class EGRU(ElementwiseCell):
    """z = σ(Z x + w_z ⊙ c + b_z), r = σ(R x + w_r ⊙ c + b_r), c' = z ⊙ c + (1 - z) ⊙ tanh(H x + w_h ⊙ r ⊙ c + b_h).

    The GRU (Cho et al. 2014, equations 5-8) with diagonal recurrent matrices, as the eLSTM is to the LSTM, and
    initialised as the eLSTM. Not the event-based GRU of the same abbreviation.
    """

    gates = ("z", "r", "h")
    recurrent = ("z", "r", "h")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        gates = self._gates(u, c, w)
        return torch.lerp(gates[..., 2:, :], c, gates[..., :1, :])

    def _gates(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        """z, r and h̃ (..., 3, N)."""
        zr = torch.sigmoid(torch.addcmul(u[..., :2, :], w[:2], c))
        return torch.cat([zr, torch.tanh(torch.addcmul(u[..., 2:, :], w[2:], zr[..., 1:, :] * c))], dim=-2)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.partials_(self._gates(u, c, w), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        zr, h = u[..., :2, :], u[..., 2:, :]
        z, r = zr.addcmul_(w[:2], c).sigmoid_().split(1, dim=-2)
        h.addcmul_(w[2:], r * c).mul_(2).sigmoid_().mul_(2).sub_(1)  # tanh, see `sigmoid_and_tanh_`
        return torch.lerp(h, c, z)

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, r, h = activations.split(1, dim=-2)
        z_hat = (c - h) * z * (1 - z)
        h_hat = (1 - z) * (1 - h * h)
        by_reset = h_hat * w[2:] * c  # ∂c'/∂r
        r_hat = by_reset * r * (1 - r)
        alpha = torch.cat([z_hat, r_hat, h_hat], dim=-2)
        lam = z + w[:1] * z_hat + w[1:2] * r_hat + w[2:] * r * h_hat
        omega = torch.cat([z_hat, r_hat, r * h_hat], dim=-2) * c
        return lam.unsqueeze(-3), alpha.unsqueeze(-3), omega.unsqueeze(-3)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        for parameter in (weight, bias, w):
            nn.init.normal_(parameter, std=0.1)
        if retention is not None:
            retentive_bias_(bias[0], retention)
