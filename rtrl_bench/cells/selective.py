"""Selective state space with one state a channel (S6, the recurrence of Mamba: Gu & Dao 2023, algorithm 2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP, linear_init_, retentive_bias_

STEP_SIZES = (1e-3, 1e-1)  # of Δ at the start, log-uniform, as in section 3.6


@CELLS.register("selective")
class Selective(ElementwiseCell):
    """Δ = softplus(W_Δ x + b_Δ), v = W_v x + b_v, c' = exp(-Δ exp w) ⊙ c + Δ ⊙ v, where -exp w is the paper's A.

    The factor of v is that of the authors' code; the zero-order hold of equation 4, (1 - exp(-Δ exp w)) / exp w, tends
    to it for small Δ. Differences: a channel has one state, so the input's selection B(x), one number for all channels,
    is left out, and A starts at -1, the first of S4D's real ones; W_Δ is of full rank; `Selection` follows, without the
    block's convolution and gate.
    """

    gates = ("delta", "v")
    recurrent = ("a",)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        step = softplus(u[..., :1, :])
        return torch.addcmul(step * u[..., 1:, :], torch.exp(-step * torch.exp(w)), c)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        step, rate = softplus(u[..., :1, :]), torch.exp(w)
        keep = torch.exp(-step * rate)
        lost = rate * keep * c  # -∂(exp(-Δ exp w) c)/∂Δ
        alpha = torch.cat([(u[..., 1:, :] - lost) * torch.sigmoid(u[..., :1, :]), step], dim=-2)
        return keep.unsqueeze(-3), alpha.unsqueeze(-3), (-step * lost).unsqueeze(-3)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        linear_init_(weight, bias)
        nn.init.zeros_(w)
        if retention is None:
            step = torch.exp(bias[0].uniform_(*map(math.log, STEP_SIZES)))
            bias[0] = torch.log(torch.expm1(step))  # softplus of it is the step
        else:
            retentive_bias_(bias[0], retention)
            bias[0].neg_()  # exp(-softplus b) = σ(-b)

    def readout(self, inputs: int, hidden: int) -> Readout:
        return Selection(inputs, hidden)


class Selection(Readout):
    """h = C(x) ⊙ c + D x, with C(x) = W_C x + b_C, in one linear map; D is a matrix, as x and h may differ in size."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.linear = nn.Linear(inputs, 2 * hidden)
        self.weights_on_input = 2 * inputs * hidden

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        factor, skip = self.linear(x).chunk(2, dim=-1)
        return torch.addcmul(skip, factor, c[..., 0, :])

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        factor = self.linear(x).chunk(2, dim=-1)[0].unsqueeze(2)
        to_map = torch.cat([rows * c, rows], dim=-1)
        below = to_map @ self.linear.weight if wants_x else None
        return ReadoutVJP((rows * factor).unsqueeze(-2), below, {"linear": (x, to_map)})
