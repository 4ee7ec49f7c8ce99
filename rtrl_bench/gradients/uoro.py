"""UORO: an unbiased estimate of exact RTRL of rank one (Tallec & Ollivier 2018, algorithm 1).

The sensitivities S(t) (n x P) are replaced by c̃ ⊗ θ̃, of a state-like (n) and a parameter-like (P) vector. With signs
ν uniform in {-1, 1}ⁿ, drawn anew at every step, J(t) = ∂c(t)/∂c(t-1) and I(t) = ∂c(t)/∂θ at constant c(t-1):

    c̃(t) = ρ_0 J(t) c̃(t-1) + ρ_1 ν,   θ̃(t) = θ̃(t-1) / ρ_0 + νᵀ I(t) / ρ_1,   ∂L/∂θ ≈ Σ_t (g(t) · c̃(t)) θ̃(t)
    ρ_0 = sqrt(|θ̃(t-1)| / (|J(t) c̃(t-1)| + ε)) + ε,   ρ_1 = sqrt(|νᵀ I(t)| / (|ν| + ε)) + ε

E[c̃ ⊗ θ̃] = S for any ρ that are the same for ν and -ν, as E[ν ⊗ ν] is the identity and E[ν] is zero; these make the two
vectors equally long, for little variance. Nothing is dropped on average.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Layer, Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.episodes import over
from rtrl_bench.gradients.machinery.random_signs import balance, norm, signs
from rtrl_bench.gradients.machinery.step_by_step import StepByStep
from rtrl_bench.gradients.machinery.tape import Tape


@GRADIENTS.register("uoro")
class UORO(StepByStep):
    """Each layer's own sensitivities as one product of two vectors, with random signs at every step, for any cell.

    On average over the signs the gradient is exact for one layer, and that of `rtrl_segment` for a stack; a single
    draw is far from it, the more so the longer the memory and the larger the layer. Each slot draws for itself, so a
    batch averages. It carries n + P numbers a slot for n = s N numbers of state; a step takes some 16 P operations:
    forward, one product J c̃, one νᵀ I, and the update of θ̃. The layer's input gets its gradient inside the segment,
    which is not random. Use it for cells too large for anything else, with a small learning rate.
    """

    draws = True

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers)
        if not cell.state:
            raise ConfigError(f"cell {type(cell).__name__} has no recurrent state; use gradient: tbptt")

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        parameters = layer.parameters
        state = parameters.weight.new_zeros(batch, len(self.cell.state), parameters.weight.shape[1])
        return {"state": state} | {name: p.new_zeros(batch, *p.shape) for name, p in parameters._asdict().items()}

    def move(self, tape: Tape, carry: LayerCarry, t: int, u: Tensor) -> None:
        w, c, x = tape.parameters.recurrent, tape.previous[t], tape.x[t]
        of_state, of_parameters = carry.traces["state"], [carry.traces[name] for name in Parameters._fields]
        nu = signs(c.shape, c, carry.generator)
        moved = jvp(lambda c: tape.cell.step(u, c, w), (c,), (of_state,))[1]
        by_u, by_w = _signs_back(tape.cell, u, c, w, nu)
        direct = [by_u[..., None] * x[:, None, None, :], by_u, by_w]
        keep = balance(norm(of_parameters), norm([moved]))
        renew = balance(norm(direct), norm([nu]))
        of_state.copy_(moved * over(keep, moved) + nu * over(renew, nu))
        for trace, new in zip(of_parameters, direct, strict=True):
            trace.div_(over(keep, trace)).add_(new / over(renew, new))

    def gradient(self, traces: dict[str, Tensor], g: Tensor) -> Parameters:
        along = (g * traces["state"]).sum(dim=(1, 2))
        return Parameters(*(torch.einsum("b,b...->...", along, traces[name]) for name in Parameters._fields))


def _signs_back(cell: Cell, u: Tensor, c: Tensor, w: Tensor, nu: Tensor) -> tuple[Tensor, Tensor]:
    """νᵀ ∂c'/∂u (B, K, N) and νᵀ ∂c'/∂w (B, *w) of every slot, at constant c."""

    def of_slot(u: Tensor, c: Tensor, nu: Tensor) -> tuple[Tensor, Tensor]:
        by_u, by_w = vjp(lambda u, w: cell.step(u, c, w), u, w)[1](nu)
        return by_u, by_w

    return vmap(of_slot)(u, c, nu)
