"""QRNN: quasi-recurrent network with fo-pooling (Bradbury et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP, linear_init_, retentive_bias_
from rtrl_bench.cells.elstm import average_slopes, sigmoid_and_tanh_


@CELLS.register("qrnn")
class QRNN(ElementwiseCell):
    """f = σ(F x + b_f), z = tanh(Z x + b_z), c' = f ⊙ c + (1 - f) ⊙ z and h = σ(O x + b_o) ⊙ c' (equations 1 and 4).

    The gates see the input alone, so there are no recurrent parameters. The convolution over time has width 1, as in
    the authors' code by default: a wider one would give the layer a second memory, of its last inputs, which is not
    part of the recurrence. No zoneout. Initialised as that code does, by torch.nn.Linear.
    """

    gates = ("f", "z")
    recurrent = ()

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(torch.tanh(u[..., 1:, :]), c, torch.sigmoid(u[..., :1, :]))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.partials_(torch.cat([torch.sigmoid(u[..., :1, :]), torch.tanh(u[..., 1:, :])], dim=-2), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        f, z = sigmoid_and_tanh_(u)
        return torch.lerp(z, c, f)

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        alpha = average_slopes(activations, c).unsqueeze(-3)
        return activations[..., :1, :].unsqueeze(-3), alpha, alpha[..., :0, :]

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        linear_init_(weight, bias)
        if retention is not None:
            retentive_bias_(bias[0], retention)

    def readout(self, inputs: int, hidden: int) -> Readout:
        return InputGate(inputs, hidden)


class InputGate(Readout):
    """h = σ(O x + b_o) ⊙ c."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.linear = nn.Linear(inputs, hidden)
        self.weights_on_input = inputs * hidden

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return torch.sigmoid(self.linear(x)) * c[..., 0, :]

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        gate = torch.sigmoid(self.linear(x)).unsqueeze(2)
        to_pre = rows * (c * gate * (1 - gate))
        below = to_pre @ self.linear.weight if wants_x else None
        return ReadoutVJP((rows * gate).unsqueeze(-2), below, {"linear": (x, to_pre)})
