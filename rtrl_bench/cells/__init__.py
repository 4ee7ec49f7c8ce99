"""Recurrent cells: one file each. `elstm.py` is the one to imitate.

Shapes used by every cell (leading dimensions are free: a batch, or time and batch):
`u` (..., K, N) input pre-activations, one row per gate; `c` (..., s, N) state, one row per number of a unit's state;
`w` recurrent parameters, (K', N) for element-wise cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry


class Cell:
    """A recurrence c(t) = step(W x(t) + b, c(t-1), w). Stateless: the parameters live in `RecurrentStack`."""

    gates: ClassVar[tuple[str, ...]]  # K rows of u, of the input weights and of the biases
    state: ClassVar[tuple[str, ...]] = ("c",)  # s rows of the state
    retentive: ClassVar[bool] = True  # whether some parameter says for how long a unit remembers: see `retentive_bias_`

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Shape of the recurrent parameters w for N = `hidden`."""
        raise TypeError(f"{type(self).__name__} must define recurrent_shape")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        """Next state (..., s, N)."""
        raise TypeError(f"{type(self).__name__} must define step")

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        """`step` without autograd, which may overwrite u, with what an element-wise cell's `partials_` wants there."""
        return self.step(u, c, w)

    def check_retention(self, retention: float | None) -> None:
        """ConfigError for a `retention` of a cell that has none."""
        if retention is not None and not self.retentive:
            name = type(self).__name__
            raise ConfigError(f"retention = {retention}: cell {name} has no parameter for it; remove the key")

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        """Fill weight (K, N, D), bias (K, N) and w in place; `retention` is the longest initial memory in steps."""
        raise TypeError(f"{type(self).__name__} must define initialise")

    def readout(self, inputs: int, hidden: int) -> Readout:
        """What follows outside of the recurrence: (x (..., D), c (..., s, N)) -> h (..., `output_size`)."""
        return StateRow()

    def output_size(self, inputs: int, hidden: int) -> int:
        """Number of features that `readout` returns."""
        return hidden


class ElementwiseCell(Cell):
    """A cell whose units see only themselves in the recurrence: its exact RTRL costs O(N D) per step, not O(N^3 D)."""

    recurrent: ClassVar[tuple[str, ...]]  # K' rows of w

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (len(self.recurrent), hidden)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Derivatives of step(u, c, w), unit by unit.

        λ (..., s, s, N) = ∂c_next/∂c, α (..., s, K, N) = ∂c_next/∂u, ω (..., s, K', N) = ∂c_next/∂w;
        the first of the two row indices belongs to c_next.
        """
        raise TypeError(f"{type(self).__name__} must define partials")

    def partials_(self, left: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`partials`, given what `step_` left in the place of u: here u itself.

        Override the two together where `step` and `partials` share costly work, such as the gates' activations.
        """
        return self.partials(left, c, w)


@dataclass
class Pulled:
    """R rows ∂·/∂h, carried back through a readout: to_c (b, M, R, s, N), to_x (b, M, R, D) where it was wanted.

    linear: for each linear map of the readout, by name, what it was given (b, M, I) and the rows at what it gave
    (b, M, R, O). other: for each parameter θ outside of linear maps, by name, the rows at it, summed over the M steps,
    (b, R, *θ).
    """

    to_c: Tensor
    to_x: Tensor | None
    linear: dict[str, tuple[Tensor, Tensor]]
    other: dict[str, Tensor] = field(default_factory=dict)


class Readout(nn.Module):
    """h = readout(x, c), step by step; most of its parameters are in linear maps."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x (..., D), c (..., s, N) -> h (..., O)."""
        raise TypeError(f"{type(self).__name__} must define forward")

    def pull(self, x: Tensor, c: Tensor, rows: Tensor, to_x: bool) -> Pulled:
        """Carry rows (b, M, R, O) at h back, for x (b, M, D) and c (b, M, s, N). Exact RTRL of stacks needs it.

        `to_x`: whether they are wanted at x too; for the lowest layer they are not.
        """
        raise TypeError(f"{type(self).__name__} must define pull before layers of its cell can be stacked under rtrl")

    def weights_on_input(self) -> int:
        """How many of the parameters multiply x, for the formulas of what a stack costs."""
        return 0


class StateRow(Readout):
    """h = the first row of the state."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return c[..., 0, :]

    def pull(self, x: Tensor, c: Tensor, rows: Tensor, to_x: bool) -> Pulled:
        to_c = rows.new_zeros(*rows.shape[:3], *c.shape[2:])
        to_c[..., 0, :] = rows
        return Pulled(to_c, rows.new_zeros(*rows.shape[:3], x.shape[-1]) if to_x else None, {})


def retentive_bias_(bias: Tensor, retention: float) -> None:
    """Forget-gate bias log U(1, `retention`): σ(b) = u / (1 + u) keeps a unit's content for about u steps.

    After the chrono initialisation (Tallec & Ollivier 2018), which draws u from U(1, T_max - 1). It is what
    `retention` means for every cell: a unit multiplies its content by u / (1 + u) at each step.
    """
    with torch.no_grad():
        bias.uniform_(1.0, retention).log_()


def linear_init_(weight: Tensor, bias: Tensor) -> None:
    """The weights (..., D) and biases of torch.nn.Linear: U(±D^-1/2)."""
    bound = weight.shape[-1] ** -0.5
    for parameter in (weight, bias):
        nn.init.uniform_(parameter, -bound, bound)


CELLS: Registry[type[Cell]] = Registry("cell", "rtrl_bench.cells")
