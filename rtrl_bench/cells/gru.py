"""GRU with full recurrent matrices (Cho et al. 2014, equations 5-8)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS, DenseCell, times_matrices


@CELLS.register("gru")
class GRU(DenseCell):
    """r = σ(R x + U_r h + b_r), z = σ(Z x + U_z h + b_z), h' = z ⊙ h + (1 - z) ⊙ tanh(W x + U (r ⊙ h) + b).

    As published: the reset gate acts before U. In torch.nn.GRU it acts behind it, with a bias of its own there.
    """

    gates = ("r", "z", "n")
    state = ("h",)
    keeping = "z"

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        h = c[..., 0, :]
        r, z = torch.sigmoid(u[..., :2, :] + times_matrices(w[:2], h)).unbind(dim=-2)
        n = torch.tanh(u[..., 2:, :] + times_matrices(w[2:], r * h))
        return torch.lerp(n, c, z.unsqueeze(-2))
