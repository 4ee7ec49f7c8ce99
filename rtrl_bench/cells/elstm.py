"""eLSTM: the LSTM with element-wise recurrence of Irie et al. 2024 (section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP, retentive_bias_


@CELLS.register("elstm")
class ELSTM(ElementwiseCell):
    """f = σ(F x + w_f ⊙ c + b_f), z = tanh(Z x + w_z ⊙ c + b_z), c' = f ⊙ c + (1 - f) ⊙ z.

    The output gate reads all of c', but nothing of it flows back into the recurrence: see `OutputGate`.
    """

    gates = ("f", "z")
    recurrent = ("f", "z")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        pre = torch.addcmul(u, w, c)
        f, z = torch.sigmoid(pre[..., :1, :]), torch.tanh(pre[..., 1:, :])
        return torch.lerp(z, c, f)  # z + f (c - z)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        activations = u.clone()
        self.step_(activations, c, w)
        return self.partials_(activations, c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        f, z = sigmoid_and_tanh_(u.addcmul_(w, c))
        return torch.lerp(z, c, f)

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        alpha = average_slopes(activations, c)
        lam = torch.addcmul(activations[..., :1, :], w[:1], alpha[..., :1, :]).addcmul_(w[1:], alpha[..., 1:, :])
        return lam.unsqueeze(-3), alpha.unsqueeze(-3), (alpha * c).unsqueeze(-3)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        for parameter in (weight, bias, w):  # the paper's: all normal(0, 0.1)
            nn.init.normal_(parameter, std=0.1)
        if retention is not None:
            retentive_bias_(bias[0], retention)

    def readout(self, inputs: int, hidden: int) -> Readout:
        return OutputGate(inputs, hidden)


def sigmoid_and_tanh_(pre: Tensor) -> tuple[Tensor, Tensor]:
    """f = σ of the first row and z = tanh of the second, in the place of `pre` (..., 2, N)."""
    f, z = pre.split(1, dim=-2)
    z.mul_(2)
    pre.sigmoid_()
    z.mul_(2).sub_(1)  # tanh a = 2 σ(2 a) - 1, to 2e-7 in float32: on a CPU torch.tanh takes four times as long
    return f, z


def average_slopes(gates: Tensor, c: Tensor) -> Tensor:
    """Derivatives (..., 2, N) of f ⊙ c + (1 - f) ⊙ z by the pre-activations of f and z; `gates` holds f and z."""
    f, z = gates.split(1, dim=-2)
    slopes = torch.empty_like(gates)
    f_hat, z_hat = slopes.split(1, dim=-2)
    torch.ops.aten.sigmoid_backward(c - z, f, grad_input=f_hat)  # (c - z) f (1 - f)
    torch.ops.aten.tanh_backward(1 - f, z, grad_input=z_hat)  # (1 - f) (1 - z²)
    return slopes


class OutputGate(Readout):
    """h = σ(O x + W_o c + b_o) ⊙ c, with a default linear layer over the concatenation [x, c]."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.linear = nn.Linear(inputs + hidden, hidden)
        self.weights_on_input = inputs * hidden

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        c = c[..., 0, :]
        return torch.sigmoid(self.linear(torch.cat([x, c], dim=-1))) * c

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        c = c[..., 0, :]
        both = torch.cat([x, c], dim=-1)
        gate = torch.sigmoid(self.linear(both)).unsqueeze(2)
        to_pre = rows * (c.unsqueeze(2) * gate * (1 - gate))
        of_x, of_c = self.linear.weight.split([x.shape[-1], c.shape[-1]], dim=-1)
        to_c = torch.addcmul(to_pre @ of_c, rows, gate).unsqueeze(-2)
        return ReadoutVJP(to_c, to_pre @ of_x if wants_x else None, {"linear": (both, to_pre)})
