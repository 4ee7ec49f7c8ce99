"""KF-RTRL: an unbiased estimate of exact RTRL that is a Kronecker product (Mujika, Meier & Steger 2018).

Where every gate is a map of the same numbers, z(t) = W x(t) + U h(t-1) + b, the direct part of the sensitivities is a
Kronecker product, I(t) = a(t) ⊗ D(t) with a(t) = (x(t), h(t-1), 1) and D(t) = ∂c(t)/∂z(t), and S(t) is replaced by
v ⊗ A, of a vector (D + N + 1 numbers) and a matrix (n x K N). With two signs ε_1, ε_2, drawn anew at every step:

    v(t) = ε_1 p_1 v(t-1) + ε_2 p_2 a(t),   A(t) = ε_1 / p_1 J(t) A(t-1) + ε_2 / p_2 D(t)
    p_1 = sqrt(|J(t) A(t-1)| / |v(t-1)|),   p_2 = sqrt(|D(t)| / |a(t)|),   ∂L/∂θ ≈ Σ_t v(t) ⊗ g(t) A(t)

E[v ⊗ A] = S, as E[ε_1 ε_2] = 0; the weights p keep the variance small. They have the ε of UORO here, by which they
exist at an episode's start too, where v and A are zero. Nothing is dropped on average.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, DenseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Layer, Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.episodes import over
from rtrl_bench.gradients.machinery.jacobians import state_jacobians
from rtrl_bench.gradients.machinery.random_signs import balance, norm, signs
from rtrl_bench.gradients.machinery.step_by_step import StepByStep
from rtrl_bench.gradients.machinery.tape import Tape


@GRADIENTS.register("kf_rtrl")
class KroneckerFactored(StepByStep):
    """Each layer's own sensitivities as one Kronecker product, with random signs at every step, for `rnn` and `lstm`.

    On average over the signs the gradient is exact for one layer, and that of `rtrl_segment` for a stack. The matrix
    keeps which unit moves which, so a draw is closer to the gradient than one of `uoro`. Each slot draws for itself, so
    a batch averages. It carries D + N + 1 + n K N numbers a slot for n = s N numbers of state; a step takes 2 n² K N
    operations for J A, and 2 n K N² for J itself. The layer's input gets its gradient inside the segment, which is not
    random. Use it where `uoro` is too noisy and N³ a step can be paid.
    """

    draws = True

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers)
        if not (isinstance(cell, DenseCell) and cell.one_map):
            name = type(cell).__name__
            raise ConfigError(
                f"gradient: kf_rtrl needs a cell whose gates all read W x + U h + b and which has no other parameters, "
                f"rnn or lstm, not {name}; use uoro"
            )

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        weight = layer.parameters.weight
        gates, units, inputs = weight.shape
        return {
            "inputs": weight.new_zeros(batch, inputs + units + 1),
            "outputs": weight.new_zeros(batch, len(self.cell.state), units, gates, units),
        }

    def move(self, tape: Tape, carry: LayerCarry, t: int, u: Tensor) -> None:
        v, a, c = carry.traces["inputs"], carry.traces["outputs"], tape.previous[t]
        read = torch.cat([tape.x[t], c[:, 0], torch.ones_like(v[:, :1])], dim=1)
        by_u, by_c = state_jacobians(tape.cell, u, c, tape.parameters.recurrent)
        moved = (by_c.flatten(3).flatten(1, 2) @ a.flatten(3).flatten(1, 2)).view_as(a)
        keep, renew = signs((2, len(v)), v, carry.generator)
        keep, renew = keep * balance(norm([moved]), norm([v])), renew * balance(norm([by_u]), norm([read]))
        v.copy_(over(keep, v) * v + over(renew, v) * read)
        a.copy_(moved / over(keep, a) + by_u / over(renew, a))

    def gradient(self, traces: dict[str, Tensor], g: Tensor) -> Parameters:
        units = g.shape[-1]
        to_gates = torch.einsum("bin,binkm->bkm", g, traces["outputs"])
        found = torch.einsum("bkm,bd->kmd", to_gates, traces["inputs"])
        weight, recurrent, bias = found.tensor_split([-units - 1, -1], dim=-1)
        return Parameters(weight, bias[..., 0], recurrent)
