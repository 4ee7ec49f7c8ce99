"""Recurrent cells, one file each. `elstm.py` is the one to imitate.

A cell is the function `step` of a layer's recurrence, c(t) = step(u(t), c(t-1), w) with u(t) = W x(t) + b. It keeps no
parameters: W, b and w belong to the layer.

Shapes, for N units. Leading dimensions are free: a batch, or time and batch.
    u (..., K, N)   pre-activations, one row for each gate
    c (..., s, N)   state, one row for each number that a unit's state consists of
    w               recurrent parameters; of element-wise cells (K', N), one row for each number of a unit
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry


class Cell:
    """Base of all cells. One with `step` alone is trained by methods that need no derivatives unit by unit."""

    gates: ClassVar[tuple[str, ...]]  # names of the K rows of u, of W and of b
    state: ClassVar[tuple[str, ...]] = ("c",)  # names of the s rows of the state
    retentive: ClassVar[bool] = True  # whether some parameter says for how long a unit remembers: see `retentive_bias_`

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Shape of the recurrent parameters w for N = `hidden`."""
        raise TypeError(f"{type(self).__name__} must define recurrent_shape")

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        """The next state (..., s, N)."""
        raise TypeError(f"{type(self).__name__} must define step")

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        """`step` where no gradient is recorded. It may overwrite u, with what `partials_` can use."""
        return self.step(u, c, w)

    def check_retention(self, retention: float | None) -> None:
        """ConfigError for a `retention` of a cell that has none."""
        if retention is not None and not self.retentive:
            name = type(self).__name__
            raise ConfigError(f"retention = {retention}: cell {name} has no parameter for it; remove the key")

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        """Fill weight (K, N, D), bias (K, N) and w in place.

        retention: the longest memory that a unit begins with, in steps; None: as the cell's own paper has it.
        """
        raise TypeError(f"{type(self).__name__} must define initialise")

    def readout(self, inputs: int, hidden: int) -> Readout:
        """What makes the layer's output of its input and its state, for D = `inputs` and N = `hidden`."""
        return StateRow()

    def output_size(self, inputs: int, hidden: int) -> int:
        """How many features the readout returns."""
        return hidden


class ElementwiseCell(Cell):
    """A cell whose units see only themselves in the recurrence: its exact RTRL costs O(N D) per step, not O(N^3 D)."""

    recurrent: ClassVar[tuple[str, ...]]  # names of the K' rows of w; () if there are none

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (len(self.recurrent), hidden)

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Derivatives of c' = step(u, c, w), unit by unit; the first of two row indices is that of c'.

        Returns λ = ∂c'/∂c (..., s, s, N), α = ∂c'/∂u (..., s, K, N) and ω = ∂c'/∂w (..., s, K', N). They are read and
        never written to, so they may be views.
        """
        raise TypeError(f"{type(self).__name__} must define partials")

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`partials`, given what `step_` has put in the place of u: here u itself.

        Override the two together where `step` and `partials` share costly work, such as the gates' activations.
        """
        return self.partials(activations, c, w)


class DenseCell(Cell):
    """A cell with a recurrent matrix for each gate, w (K, N, N): exact RTRL is expensive (`rtrl_dense`).

    Initialised as torch.nn's recurrent layers: everything U(±N^-1/2).
    """

    one_map: ClassVar[bool] = False  # whether w only stands in W x + U h + b, which is all that the gates read of h
    keeping: ClassVar[str] = ""  # the gate that keeps the state: `retention` sets its bias; none: retentive = False

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (len(self.gates), hidden, hidden)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        for parameter in (weight, bias, w):
            nn.init.uniform_(parameter, -(w.shape[-1] ** -0.5), w.shape[-1] ** -0.5)
        if retention is not None:
            if self.keeping not in self.gates:
                missing = f"cell {type(self).__name__} does not say which gate keeps its state"
                raise ConfigError(f"retention = {retention}: {missing}; set its keeping, or retentive = False")
            retentive_bias_(bias[self.gates.index(self.keeping)], retention)


def times_matrices(w: Tensor, h: Tensor) -> Tensor:
    """w h (..., K, N) for matrices w (K, N, N) and h (..., N)."""
    return nn.functional.linear(h, w.flatten(0, 1)).unflatten(-1, w.shape[:2])


class Readout(nn.Module):
    """What follows the recurrence at every step, h = readout(x, c): an output gate, a projection, a skip path."""

    weights_on_input: int = 0  # how many of the parameters multiply x, for the formulas of what a stack costs

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """The layer's output h (..., O), given its input x (..., D) and its new state c (..., s, N)."""
        raise TypeError(f"{type(self).__name__} must define forward")

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        """Vector-Jacobian products, R at a time, which exact RTRL needs to stack layers of this cell.

        x (b, M, D), c (b, M, s, N): what the readout was given, for b slots and M steps.
        rows (b, M, R, O): R derivatives by its output h, such as those of every number of a later state.
        wants_x: whether the derivatives by x are needed too; for the lowest layer they are not.
        """
        raise TypeError(f"{type(self).__name__} must define vjp before layers of its cell can be stacked under rtrl")


@dataclass
class ReadoutVJP:
    """R derivatives by a readout's output, carried back through it: the derivatives by all that it was given.

    to_c (b, M, R, s, N): by the state. to_x (b, M, R, D): by the input, or None if that was not wanted.
    linear: for each linear map y = W v of the readout, by its name, v (b, M, I) and the derivatives by y (b, M, R, O).
        Their products are those by W, which are too large to be made one by one.
    other: for each parameter θ outside of linear maps, by its name, the derivatives by θ, (b, R, *θ), summed over M.
    """

    to_c: Tensor
    to_x: Tensor | None
    linear: dict[str, tuple[Tensor, Tensor]]
    other: dict[str, Tensor] = field(default_factory=dict)


class StateRow(Readout):
    """h = the first row of the state."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return c[..., 0, :]

    def vjp(self, x: Tensor, c: Tensor, rows: Tensor, wants_x: bool) -> ReadoutVJP:
        to_c = rows.new_zeros(*rows.shape[:3], *c.shape[2:])
        to_c[..., 0, :] = rows
        return ReadoutVJP(to_c, rows.new_zeros(*rows.shape[:3], x.shape[-1]) if wants_x else None, {})


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


def check_shapes(cell: Cell) -> None:
    """ConfigError if `step` or `partials` returns other shapes than the cell's rows ask for.

    Where one is missing an axis, broadcasting may fit it to the next operation all the same: to a wrong gradient.
    """
    free, units, (k, s) = (2, 3), 4, (len(cell.gates), len(cell.state))
    sizes = ((*free, k, units), (*free, s, units), cell.recurrent_shape(units))
    u, c, w = (torch.zeros(size, device="cpu") for size in sizes)
    with torch.no_grad():
        found: dict[str, tuple[Tensor, tuple[int, ...]]] = {"step returned c'": (cell.step(u, c, w), (s,))}
        if isinstance(cell, ElementwiseCell):
            by_c, by_u, by_w = cell.partials(u, c, w)
            found |= {"partials returned ∂c'/∂c": (by_c, (s, s)), "partials returned ∂c'/∂u": (by_u, (s, k))}
            found |= {"partials returned ∂c'/∂w": (by_w, (s, len(cell.recurrent)))}
    for what, (tensor, rows) in found.items():
        expected = (*free, *rows, units)
        if tensor.shape != expected:
            given = f"for u {tuple(u.shape)} and c {tuple(c.shape)}"
            raise ConfigError(f"cell {type(cell).__name__}: {what} {tuple(tensor.shape)}, expected {expected} {given}")


CELLS: Registry[type[Cell]] = Registry("cell", "rtrl_bench.cells")
