"""LRU: linear recurrent unit, a complex diagonal recurrence (Orvieto et al. 2023, section 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell, Readout, ReadoutVJP

LARGEST_PHASE = 6.28  # of the authors' listing (appendix A), for 2 π


@CELLS.register("lru")
class LRU(ElementwiseCell):
    """c' = λ ⊙ c + γ ⊙ (B x + b) with complex c and B, λ = exp(-exp ν + i exp θ) and γ = exp γ_log.

    A unit's state is two numbers, the real and the imaginary part; ν, θ and γ_log are learnt, unit by unit. γ starts
    at sqrt(1 - |λ|²), λ uniformly on the unit disc, B and C at Glorot's variances. Difference: B x has a bias.
    `Projection` follows; the rest of the paper's block (normalisation, dropout, gated linear unit, residual) is not
    part of the layer.
    """

    gates = ("real", "imaginary")
    state = ("real", "imaginary")
    recurrent = ("nu", "theta", "gamma")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.addcmul(turned(c, *eigenvalues(w)), torch.exp(w[2]), u)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rate, phase, gamma = torch.exp(w).unbind()
        real, imaginary = eigenvalues(w)
        kept = turned(c, real, imaginary)
        omega = torch.stack([-rate * kept, phase * quarter_turned(kept), gamma * u], dim=-2)
        free = c.shape[:-2]
        alpha = complex_matrix(gamma, torch.zeros_like(gamma))
        return complex_matrix(real, imaginary).expand(*free, 2, 2, -1), alpha.expand(*free, 2, 2, -1), omega

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        nn.init.normal_(weight, std=(2 * weight.shape[-1]) ** -0.5)
        nn.init.zeros_(bias)
        on_the_disc_(w, retention)
        w[2] = torch.log(input_scale(w[0]))

    def readout(self, inputs: int, hidden: int) -> Readout:
        return Projection(inputs, hidden)


def eigenvalues(w: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part (N,) of λ = exp(-exp ν + i exp θ), with ν and θ the first two rows of w."""
    rate, phase = torch.exp(w[:2]).unbind()
    modulus = torch.exp(-rate)
    return modulus * torch.cos(phase), modulus * torch.sin(phase)


def turned(c: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """λ c, for c (..., 2, N) and the two parts of λ."""
    p, q = c.unbind(dim=-2)
    return torch.stack([real * p - imaginary * q, imaginary * p + real * q], dim=-2)


def quarter_turned(c: Tensor) -> Tensor:
    """i c, for c (..., 2, N)."""
    p, q = c.unbind(dim=-2)
    return torch.stack([-q, p], dim=-2)


def complex_matrix(real: Tensor, imaginary: Tensor) -> Tensor:
    """The matrices (2, 2, N) by which complex numbers multiply, given their two parts."""
    return torch.stack([real, -imaginary, imaginary, real]).unflatten(0, (2, 2))


def input_scale(nu: Tensor) -> Tensor:
    """sqrt(1 - |λ|²), with which the state keeps the input's variance; to full precision where |λ| is near 1."""
    return torch.sqrt(-torch.expm1(-2 * torch.exp(nu)))


def on_the_disc_(w: Tensor, retention: float | None) -> None:
    """Draw ν and θ, the first two rows of w, in place: λ uniform on the unit disc (section 3.2.1, lemma 3.2).

    With `retention` its modulus is u / (1 + u) with u in U(1, `retention`), as for `retentive_bias_`.
    """
    nu, theta = w[:2].uniform_(1e-6, 1 - 1e-6).unbind()  # at 0 and 1 the logarithms are infinite
    theta.mul_(LARGEST_PHASE).log_()
    if retention is None:
        nu.log_().mul_(-0.5).log_()  # |λ|² in U(0, 1)
    else:
        steps = nu.uniform_(1.0, retention)
        nu.copy_(torch.log(torch.log1p(1 / steps)))  # -log of the modulus is log(1 + 1 / u)


class Projection(Readout):
    """h = gelu(Re(C c) + D x): one linear map over [Re c, Im c, x], and the block's first non-linearity.

    D is a matrix, as x and h may differ in size; in the authors' listing it is a diagonal.
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.linear = nn.Linear(2 * hidden + inputs, hidden, bias=False)
        self.weights_on_input = inputs * hidden
        with torch.no_grad():
            of_c, of_x = self.linear.weight.split([2 * hidden, inputs], dim=-1)
            of_c.normal_(std=1 / math.sqrt(hidden))
            of_x.normal_(std=1 / math.sqrt(inputs))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return nn.functional.gelu(self.linear(torch.cat([c.flatten(-2), x], dim=-1)))

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        both = torch.cat([c.flatten(-2), x], dim=-1)
        y = self.linear(both)
        to_y = rows * torch.ops.aten.gelu_backward(torch.ones_like(y), y).unsqueeze(2)
        of_c, of_x = self.linear.weight.split([both.shape[-1] - x.shape[-1], x.shape[-1]], dim=-1)
        to_c = (to_y @ of_c).unflatten(-1, c.shape[-2:])
        return ReadoutVJP(to_c, to_y @ of_x if wants_x else None, {"linear": (both, to_y)})
