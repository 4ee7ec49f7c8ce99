"""SnAp-n: RTRL that keeps the sensitivities within reach of n steps (Menick et al. 2021, section 3).

    S(t) = P_n ⊙ (J(t) S(t-1) + I(t)),   ∂L/∂θ = Σ_t g(t) S(t)

where P_n is 1 at ∂c_i/∂θ_j if θ_j can reach c_i within n steps of the cell, by its structure, and 0 otherwise.
For n = 1 in a cell whose parameters act on their own unit first (`rnn`, `lstm`) these are a unit's state and its own
parameters. In a dense recurrence every unit reaches every other one in two steps, so n = 2 is exact there.
"""

from __future__ import annotations

from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Parameters
from rtrl_bench.gradients.machinery.influence import Influence, Own, Whole
from rtrl_bench.gradients.machinery.reach import mask_of_all, mask_of_own, reach


@GRADIENTS.register("snap")
class SnAp(Influence):
    """Each layer's sensitivities to its own parameters, those beyond n steps' reach dropped at every step.

    order: n, from 1. The gradient of one layer is exact where the pattern is full: from n = 2 in dense cells, from
        n = 1 in element-wise ones whose state is one number a unit. An output gate's parameters reach the LSTM's c in
        the second step alone, and one part of a complex number (`lru`, `rtu`) the other.

    Where only a unit's own state is kept: s P numbers a slot, a step takes 2 s² P operations and s N back-propagations
    through one step, 2 s K N³ operations, for the Jacobian of whatever cell it is. Otherwise what it costs is what
    `rtrl_dense` costs: n P numbers and 2 n² P operations, for n = s N. That is so with order >= 2 in dense cells,
    and in the GRU, whose reset gate acts on all units in one step, with order 1 as well. (Public code of SnAp-1 takes
    the GRU whose reset gate acts behind U, as that of torch.nn.GRU: there a unit's own is all that order 1 keeps.)
    Use order 1 for dense cells that are too large for exact RTRL.
    """

    def __init__(self, cell: Cell, layers: int = 1, *, order: int = 1):
        if order < 1:
            raise ConfigError(f"gradient_options.order = {order}: expected an integer >= 1")
        tables = reach(cell, order)
        self.own = not any(table[1].any() for table in tables.values())
        kept = slice(0, 1) if self.own else slice(0, 2)
        self.partly = {name: table for name, table in tables.items() if not table[kept].all()}  # what leaves some out
        super().__init__(cell, layers, Own() if self.own else Whole())

    def masks(self, parameters: Parameters) -> dict[str, Tensor]:
        mask = mask_of_own if self.own else mask_of_all
        return {name: mask(table, getattr(parameters, name)) for name, table in self.partly.items()}
