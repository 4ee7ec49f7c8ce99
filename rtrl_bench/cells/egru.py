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
        alpha = torch.empty_like(activations)
        z_hat, r_hat, h_hat = alpha.split(1, dim=-2)
        torch.ops.aten.sigmoid_backward(c - h, z, grad_input=z_hat)  # (c - h̃) z (1 - z)
        torch.ops.aten.tanh_backward(1 - z, h, grad_input=h_hat)  # (1 - z) (1 - h̃²)
        through_reset = w[2:] * h_hat  # ∂c'/∂(r c)
        torch.ops.aten.sigmoid_backward(through_reset * c, r, grad_input=r_hat)
        lam = torch.addcmul(z, w[:1], z_hat).addcmul_(w[1:2], r_hat).addcmul_(through_reset, r)
        omega = alpha * c
        omega[..., 2:, :] *= r
        return lam.unsqueeze(-3), alpha.unsqueeze(-3), omega.unsqueeze(-3)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        for parameter in (weight, bias, w):
            nn.init.normal_(parameter, std=0.1)
        if retention is not None:
            retentive_bias_(bias[0], retention)
