"""The leaky recurrent network: units with time constants of their own (Murray 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, DenseCell, retentive_bias_, times_matrices

TIME_CONSTANT = 10.0  # steps, of all units: the paper's


@CELLS.register("leaky_rnn")
class LeakyRNN(DenseCell):
    """h' = (1 - 1/τ) ⊙ h + 1/τ ⊙ tanh(W x + U h + b), with 1 - 1/τ = σ(a).

    w (1, N, N + 1) is U with a as its last column. Where the paper fixes τ, a is learnt here, as all else is. It begins
    at the paper's τ = 10 steps, or so that 1 - 1/τ keeps a unit's content for up to `retention` steps.
    """

    gates = ("h",)
    state = ("h",)

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (1, hidden, hidden + 1)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(torch.tanh(u + times_matrices(w[..., :-1], c[..., 0, :])), c, self.kept(w))

    def kept(self, w: Tensor) -> Tensor:
        """1 - 1/τ (1, N): what a unit keeps of its content in a step."""
        return torch.sigmoid(w[..., -1])

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        super().initialise(weight, bias, w[..., :-1], None)
        if retention is None:
            nn.init.constant_(w[..., -1], math.log(TIME_CONSTANT - 1))
        else:
            retentive_bias_(w[..., -1], retention)
