"""RFLO: eligibility traces that decay with a unit's time constant, for the leaky RNN (Murray 2019).

With u(t) = W x(t) + U h(t-1) + b, a(t) any of x(t), h(t-1) and 1, and φ = tanh, for a weight from a_j to unit i:

    P_ij(t) = (1 - 1/τ_i) P_ij(t-1) + 1/τ_i φ'(u_i(t)) a_j(t),   ∂L/∂θ_ij ≈ Σ_t g_i(t) P_ij(t)

That is RTRL of a unit and its own parameters with U left out of ∂h(t)/∂h(t-1). g(t) = ∂L/∂h(t) is the direct
derivative, as if the paper's random feedback weights were those of the readout. The trace of τ_i itself, which the
paper fixes, is made in the same way: of ∂h_i(t)/∂τ_i at constant h(t-1).
"""

from __future__ import annotations

from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.cells.leaky_rnn import LeakyRNN
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery.influence import Influence, Own
from rtrl_bench.gradients.machinery.tape import Tape


@GRADIENTS.register("rflo")
class RFLO(Influence):
    """Traces that decay with the time constant, of each unit to its own parameters, for the leaky RNN.

    It drops all paths through U, of a unit to itself too, which `snap` with order 1 keeps. With τ = 1 nothing but
    `immediate` would be left. It carries P numbers a slot; a step takes some 12 P operations and no product of
    matrices. Use it as the cheapest method that remembers at all; it reaches back for about τ steps.
    """

    def __init__(self, cell: Cell, layers: int = 1):
        if not isinstance(cell, LeakyRNN):
            name = type(cell).__name__
            raise ConfigError(
                f"gradient: rflo needs a cell with time constants, such as leaky_rnn, not {name}; use snap"
            )
        super().__init__(cell, layers, LeakAlone(cell))


class LeakAlone(Own):
    """The sensitivities of a unit's state to its own parameters, of which a step keeps 1 - 1/τ."""

    def __init__(self, cell: LeakyRNN):
        self.cell = cell

    def own_jacobian(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor, by_c: Tensor) -> Tensor:
        """∂h'/∂h (B, 1, 1, N) of each unit by itself without U."""
        return self.cell.kept(w).expand_as(by_c)
