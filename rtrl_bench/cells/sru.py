"""SRU: simple recurrent unit (Lei et al. 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP, retentive_bias_

SKIP_SCALE = math.sqrt(3)  # α = sqrt(1 + 2 e^b) of section 3.2, for a highway gate that starts at bias b = 0


@CELLS.register("sru")
class SRU(ElementwiseCell):
    """f = σ(F x + v_f ⊙ c + b_f), c' = f ⊙ c + (1 - f) ⊙ Z x (equations 1 and 2); `Highway` follows (3 and 4).

    Differences: Z x has a bias, as every row of u. Initialised as section 3.2 and the authors' code say.
    """

    gates = ("f", "z")
    recurrent = ("f",)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(u[..., 1:, :], c, torch.sigmoid(torch.addcmul(u[..., :1, :], w, c)))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f = torch.sigmoid(torch.addcmul(u[..., :1, :], w, c))
        return self.partials_(torch.cat([f, u[..., 1:, :]], dim=-2), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.lerp(u[..., 1:, :], c, u[..., :1, :].addcmul_(w, c).sigmoid_())

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f, z = activations[..., :1, :], activations[..., 1:, :]
        rest = 1 - f
        f_hat = (c - z) * f * rest
        alpha = torch.cat([f_hat, rest], dim=-2)
        return torch.addcmul(f, w, f_hat).unsqueeze(-3), alpha.unsqueeze(-3), (f_hat * c).unsqueeze(-3)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        bound = math.sqrt(3 / weight.shape[-1])
        nn.init.uniform_(weight[0], -bound / math.sqrt(2), bound / math.sqrt(2))  # of a gate: half the variance
        nn.init.uniform_(weight[1], -bound, bound)
        nn.init.uniform_(w, -math.sqrt(1.5), math.sqrt(1.5))
        nn.init.zeros_(bias)
        if retention is not None:
            retentive_bias_(bias[0], retention)

    def readout(self, inputs: int, hidden: int) -> Readout:
        return Highway(inputs, hidden)


class Highway(Readout):
    """r = σ(R x + v_r ⊙ c + b_r), h = r ⊙ c + (1 - r) ⊙ α x, with S x in the place of α x where x has another size.

    The gate reads the new state, as the eLSTM's does; the paper's reads the one before it.
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        bound = math.sqrt(3 / inputs)
        self.gate = nn.Linear(inputs, hidden)
        self.skip = None if inputs == hidden else nn.Linear(inputs, hidden, bias=False)
        self.weights_on_input = inputs * hidden * (1 if inputs == hidden else 2)
        self.v = nn.Parameter(torch.empty(hidden).uniform_(-math.sqrt(1.5), math.sqrt(1.5)))
        with torch.no_grad():
            self.gate.weight.uniform_(-bound / math.sqrt(2), bound / math.sqrt(2))
            self.gate.bias.zero_()
            if self.skip is not None:
                self.skip.weight.uniform_(-SKIP_SCALE * bound, SKIP_SCALE * bound)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        r, skip = self._parts(x, c[..., 0, :])
        return torch.lerp(skip, c[..., 0, :], r)

    def _parts(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        r = torch.sigmoid(torch.addcmul(self.gate(x), self.v, c))
        return r, SKIP_SCALE * x if self.skip is None else self.skip(x)

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        c = c[..., 0, :]
        r, skip = self._parts(x, c)
        to_gate = rows * ((c - skip) * r * (1 - r)).unsqueeze(2)
        to_skip = rows * (1 - r).unsqueeze(2)
        to_c = torch.addcmul(rows * r.unsqueeze(2), to_gate, self.v)
        linear = {"gate": (x, to_gate)}
        below = None
        if self.skip is not None:
            linear["skip"] = (x, to_skip)
        if wants_x:
            below = to_gate @ self.gate.weight
            below += SKIP_SCALE * to_skip if self.skip is None else to_skip @ self.skip.weight
        to_v = torch.einsum("bmrn,bmn->brn", to_gate, c)
        return ReadoutVJP(to_c.unsqueeze(-2), below, linear, {"v": to_v})
