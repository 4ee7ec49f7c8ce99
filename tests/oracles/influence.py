"""A layer's influence matrix written out slowly: Jacobians by autograd, one slot and one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from oracles import stack as oracle
from rtrl_bench.gradients import Layer, Parameters


class Step(NamedTuple):
    """One step of one slot: J = ∂c'/∂c (n, n), ∂c'/∂θ (n, P) at constant c, g = ∂L/∂c' (n,), and if one begins."""

    J: Tensor
    direct: Tensor
    g: Tensor
    begins: bool


def steps(problem, number: int) -> list[list[Step]]:
    """The steps of each slot, for one layer of a problem whose loss is Σ v ⊙ tanh(h), inside segments for those above.

    The direct derivatives g of a layer are those by its state at each step, each taken as a number by itself: what runs
    on in the layers above counts up to the segment's end.
    """
    layer, cell = problem.layers[number], problem.cell
    x, states = _input_and_states(problem, number)
    states.requires_grad_()
    h = layer.readout(x, states)
    for above in problem.layers[number + 1 :]:
        h = _run(cell, above, h, problem.starts, problem.unroll)[1]
    (g,) = torch.autograd.grad((problem.v * torch.tanh(h)).sum(), states)
    previous = torch.cat([torch.zeros_like(states[:1]), states[:-1]]).detach()
    previous = torch.where(problem.starts[:, :, None, None], torch.zeros_like(previous), previous)
    parameters = [p.detach() for p in layer.parameters]

    def of_step(t: int, slot: int) -> Step:
        def step(state, weight, bias, w):
            return cell.step(torch.einsum("knd,d->kn", weight, x[t, slot]) + bias, state, w)

        by_state, *by_parameters = jacobian(step, (previous[t, slot], *parameters))
        n = g[t, slot].numel()
        direct = torch.cat([d.reshape(n, p.numel()) for d, p in zip(by_parameters, parameters)], dim=1)
        return Step(by_state.reshape(n, n), direct, g[t, slot].flatten(), bool(problem.starts[t, slot]))

    return [[of_step(t, slot) for t in range(len(x))] for slot in range(x.shape[1])]


def states(problem, number: int) -> Tensor:
    """The states (T, B, s, N) of one layer."""
    return _input_and_states(problem, number)[1]


@torch.no_grad()
def _input_and_states(problem, number: int) -> tuple[Tensor, Tensor]:
    """What a layer reads (T, B, D), and its states (T, B, s, N)."""
    x = problem.x
    for below in problem.layers[:number]:
        x = _run(problem.cell, below, x, problem.starts)[1]
    return x, _run(problem.cell, problem.layers[number], x, problem.starts)[0]


def _run(cell, layer, x: Tensor, starts: Tensor, unroll: int | None = None) -> tuple[Tensor, Tensor]:
    """One layer's states and outputs, the state a constant every `unroll` steps."""
    state = torch.zeros(x.shape[1], len(cell.state), layer.parameters.weight.shape[1], dtype=x.dtype)
    states, out = [], []
    for t in range(len(x)):
        state, h = oracle.step(cell, layer, x[t], starts[t], state.detach() if unroll and t % unroll == 0 else state)
        states.append(state)
        out.append(h)
    return torch.stack(states), torch.stack(out)


Move = Callable[[Step, Tensor], Tensor]  # the sensitivities S (n, P) after a step, from those before it


def gradient(problem, move_of: Callable[[Layer, list[list[Step]]], Move], readouts: dict[str, Tensor]):
    """Σ g(t) S(t) of each layer for all slots, with S moved as `move_of` says; `readouts`: the rest."""
    found = dict(readouts)
    for number, layer in enumerate(problem.layers):
        slots = steps(problem, number)
        move, total = move_of(layer, slots), torch.zeros(sum(p.numel() for p in layer.parameters), dtype=torch.float64)
        for slot in slots:
            S = torch.zeros_like(slot[0].direct)
            for step in slot:
                S = move(step, torch.zeros_like(S) if step.begins else S)
                total = total + step.g @ S
        parts = torch.split(total, [p.numel() for p in layer.parameters])
        named = zip(Parameters._fields, parts, layer.parameters)
        found |= {f"{number}.{name}": part.view_as(p) for name, part, p in named}
    return found


def exact(step: Step, S: Tensor) -> Tensor:
    return step.J @ S + step.direct


def snap(problem, order: int, readouts: dict[str, Tensor]) -> dict[str, Tensor]:
    """SnAp-n, its pattern that of all steps' numbers: what is not zero after n of them (Menick et al. 2021)."""

    def move_of(layer: Layer, slots: list[list[Step]]) -> Move:
        seen = [step for slot in slots for step in slot]
        J = sum((step.J != 0).double() for step in seen)
        pattern = sum((step.direct != 0).double() for step in seen)
        for _ in range(order - 1):
            pattern = pattern + J @ pattern
        return lambda step, S: exact(step, S) * (pattern > 0)

    return gradient(problem, move_of, readouts)


def eprop(problem, readouts: dict[str, Tensor]) -> dict[str, Tensor]:
    """ε(t) = ∂s/∂s ε(t-1) + ∂s/∂θ, e(t) = ∂z/∂s ε(t-1) + ∂z/∂θ of an LSTM, whose c is s and whose h is z."""
    n = problem.layers[0].parameters.weight.shape[1]

    def move(step: Step, S: Tensor) -> Tensor:
        eligibility = S[n:]  # of c; that of h is not carried on
        return torch.cat([step.J[:n, n:] @ eligibility, step.J[n:, n:] @ eligibility]) + step.direct

    return gradient(problem, lambda layer, slots: move, readouts)


def rflo(problem, readouts: dict[str, Tensor]) -> dict[str, Tensor]:
    """P_ij(t) = (1 - 1/τ_i) P_ij(t-1) + ∂h_i/∂θ_ij, of a unit to its own parameters (Murray 2019)."""

    def move_of(layer: Layer, slots: list[list[Step]]) -> Move:
        kept = torch.sigmoid(layer.parameters.recurrent.detach()[0, :, -1:])  # 1 - 1/τ
        return lambda step, P: kept * P + step.direct

    return gradient(problem, move_of, readouts)
