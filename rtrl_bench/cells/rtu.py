"""RTU: recurrent trace units with a linear recurrence (Elelimy et al. 2024, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP
from rtrl_bench.cells.lru import complex_matrix, eigenvalues, input_scale, on_the_disc_, quarter_turned, turned


@CELLS.register("rtu")
class RTU(ElementwiseCell):
    """c₁' = r cos φ c₁ - r sin φ c₂ + γ (W₁ x + b₁), c₂' = r sin φ c₁ + r cos φ c₂ + γ (W₂ x + b₂).

    r = exp(-exp ν), φ = exp θ and γ = sqrt(1 - r²), so γ is no parameter of its own, as the LRU's is, but takes part in
    ν's gradient. Initialised as the authors' code: the LRU's disc, W with variance 1 / D. Difference: the biases.
    `ReluOfAll` follows.
    """

    gates = ("c1", "c2")
    state = ("c1", "c2")
    recurrent = ("nu", "theta")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.addcmul(turned(c, *eigenvalues(w)), input_scale(w[0]), u)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rate, phase = torch.exp(w).unbind()
        real, imaginary = eigenvalues(w)
        gamma = input_scale(w[0])
        by_rate = rate * torch.exp(-2 * rate) / gamma  # ∂γ/∂ν
        kept = turned(c, real, imaginary)
        omega = torch.stack([by_rate * u - rate * kept, phase * quarter_turned(kept)], dim=-2)
        free = c.shape[:-2]
        alpha = complex_matrix(gamma, torch.zeros_like(gamma))
        return complex_matrix(real, imaginary).expand(*free, 2, 2, -1), alpha.expand(*free, 2, 2, -1), omega

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
        nn.init.zeros_(bias)
        on_the_disc_(w, retention)

    def readout(self, inputs: int, hidden: int) -> Readout:
        return ReluOfAll()

    def output_size(self, inputs: int, hidden: int) -> int:
        return len(self.state) * hidden


class ReluOfAll(Readout):
    """h = relu [c₁, c₂], which leaves a state as it is that has been through relu."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return torch.relu(c.flatten(-2))

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        to_c = rows.unflatten(-1, c.shape[-2:]) * (c > 0).unsqueeze(2)
        return ReadoutVJP(to_c, rows.new_zeros(*rows.shape[:3], x.shape[-1]) if wants_x else None, {})
