"""Sensitivities of a layer's state to the layer's parameters, of any cell, moved at every step.

With J(t) = ∂c(t)/∂c(t-1), n x n for n = s N numbers of state, and I(t) = ∂c(t)/∂θ at constant c(t-1):

    S(t) = J(t) S(t-1) + I(t),   ∂L/∂θ = Σ_t g(t) S(t)    (Williams & Zipser 1989; Menick et al. 2021, equation 3)

`Whole` keeps all of S, n P numbers of a slot; `Own` keeps those of a unit's state to the parameters of the same unit,
s P numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Layer, Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.jacobians import pulled_back, state_jacobians, unit_rows
from rtrl_bench.gradients.machinery.step_by_step import StepByStep
from rtrl_bench.gradients.machinery.tape import Tape


class Kept:
    """Which sensitivities are kept, and how a step moves them."""

    collect: ClassVar[str]  # Σ_b g S as an einsum

    def first(self, batch: int, state: int, parameter: Tensor) -> Tensor:
        """Sensitivities of a state of `state` rows to a parameter, zero."""
        raise TypeError(f"{type(self).__name__} must define first")

    def derivatives(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the states that are kept by u, by c and by w."""
        raise TypeError(f"{type(self).__name__} must define derivatives")

    def transported(self, jacobian: Tensor, trace: Tensor, traces: dict[str, Tensor]) -> Tensor:
        """J S of one parameter, for the derivatives J by c."""
        raise TypeError(f"{type(self).__name__} must define transported")

    def move(self, traces: dict[str, Tensor], tape: Tape, t: int, u: Tensor) -> None:
        """From step t - 1 to step t, in place; u (B, K, N) are the pre-activations."""
        by_u, by_c, by_w = self.derivatives(tape, u, tape.previous[t], tape.parameters.recurrent)
        for name in Parameters._fields:
            traces[name].copy_(self.transported(by_c, traces[name], traces))
        x = tape.x[t]
        traces["weight"].addcmul_(by_u[..., None], x.view(len(x), *(by_u.ndim - 1) * [1], -1))
        traces["bias"].add_(by_u)
        traces["recurrent"].add_(by_w)


class Influence(StepByStep):
    """A layer learns from sensitivities to its own parameters that move step by step, as `kept` says."""

    def __init__(self, cell: Cell, layers: int, kept: Kept):
        super().__init__(cell, layers)
        if not cell.state:
            raise ConfigError(f"cell {type(cell).__name__} has no recurrent state; use gradient: tbptt")
        self.kept = kept

    def masks(self, parameters: Parameters) -> dict[str, Tensor]:
        """What to multiply the sensitivities to a parameter with at every step, by the parameter's name."""
        return {}

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        parameters = layer.parameters._asdict().items()
        return {name: self.kept.first(batch, len(self.cell.state), parameter) for name, parameter in parameters}

    def move(self, tape: Tape, carry: LayerCarry, t: int, u: Tensor) -> None:
        self.kept.move(carry.traces, tape, t, u)

    def gradient(self, traces: dict[str, Tensor], g: Tensor) -> Parameters:
        return Parameters(*(torch.einsum(self.kept.collect, g, traces[name]) for name in Parameters._fields))

    def steps(self, tape: Tape, carry: LayerCarry) -> Iterator[int]:
        masks = self.masks(tape.parameters)
        for t in super().steps(tape, carry):
            for name, mask in masks.items():
                carry.traces[name].mul_(mask)
            yield t


class Whole(Kept):
    """All sensitivities, S (B, s, N, *θ) for each parameter θ."""

    collect = "bin,bin...->..."

    def first(self, batch: int, state: int, parameter: Tensor) -> Tensor:
        return parameter.new_zeros(batch, state, parameter.shape[1], *parameter.shape)

    def derivatives(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        by_u, by_c, by_w = (part.unflatten(1, c.shape[1:]) for part in pulled_back(tape.cell, u, c, w, unit_rows(c)))
        return by_u, by_c, by_w

    def transported(self, jacobian: Tensor, trace: Tensor, traces: dict[str, Tensor]) -> Tensor:
        return (jacobian.flatten(3).flatten(1, 2) @ trace.flatten(1, 2).flatten(2)).view_as(trace)


class Own(Kept):
    """Each unit's state to its own parameters, S (B, s, *θ) for θ (K, N, ...), which reach no other in one step."""

    collect = "bin,bikn...->kn..."

    def first(self, batch: int, state: int, parameter: Tensor) -> Tensor:
        return parameter.new_zeros(batch, state, *parameter.shape)

    def derivatives(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One row for all units at once has the derivatives of each."""
        every_unit = torch.eye(c.shape[1], dtype=c.dtype, device=c.device)[:, :, None].expand(-1, -1, c.shape[2])
        by_u, by_c, by_w = pulled_back(tape.cell, u, c, w, every_unit)
        return by_u, self.own_jacobian(tape, u, c, w, by_c), by_w

    def transported(self, jacobian: Tensor, trace: Tensor, traces: dict[str, Tensor]) -> Tensor:
        return torch.einsum("bijn,bjkn...->bikn...", jacobian, trace)

    def own_jacobian(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor, by_c: Tensor) -> Tensor:
        """∂c'/∂c (B, s, s, N) of each unit by itself, given what one row for all units has: the sum over the units."""
        if isinstance(tape.cell, ElementwiseCell):
            return by_c
        return torch.diagonal(state_jacobians(tape.cell, u, c, w)[1], dim1=2, dim2=4)
