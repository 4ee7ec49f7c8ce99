"""e-prop: eligibility traces of each unit's hidden state, for the LSTM (Bellec et al. 2020).

A unit has a hidden state s and an observable one z, which other units read. The trace of a parameter of the unit goes
along the hidden state alone, with the observable states before the step taken as constants:

    ε(t) = ∂s(t)/∂s(t-1) ε(t-1) + ∂s(t)/∂θ,   e(t) = ∂z(t)/∂s(t) ε(t) + ∂z(t)/∂θ,   ∂L/∂θ ≈ Σ_t L(t) e(t)

For the LSTM s is c and z is h: ε(t) = f ε(t-1) + ∂c(t)/∂θ. L(t) = ∂L/∂h(t) is the direct derivative, the symmetric
version of the paper's learning signals.

The paper defines it for spiking neurons and for the LSTM. Elsewhere the definition gives nothing new: a
tanh RNN has no hidden state, which leaves `immediate`, and what it gives for a leaky RNN is `rflo`. For the GRU, whose
state is read by other units and kept at once, no recursion is published.
"""

from __future__ import annotations

from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery.influence import Influence, Own
from rtrl_bench.gradients.machinery.tape import Tape


@GRADIENTS.register("eprop")
class EProp(Influence):
    """Traces that decay with the forget gate, of each unit to its own parameters, for the LSTM.

    It drops all paths through h, of a unit to itself too, which `snap` with order 1 keeps. It carries 2 P
    numbers a slot; a step takes some 23 P operations. Use it where `snap` is too slow: it needs no Jacobian of the
    whole state.
    """

    def __init__(self, cell: Cell, layers: int = 1):
        if cell.state != ("h", "c"):
            name = type(cell).__name__
            raise ConfigError(f"gradient: eprop needs a cell with a hidden state besides h, the LSTM, not {name}")
        super().__init__(cell, layers, HiddenStateAlone())


class HiddenStateAlone(Own):
    """The sensitivities of h and c to the unit's own parameters, of which those of c alone are carried on."""

    def own_jacobian(self, tape: Tape, u: Tensor, c: Tensor, w: Tensor, by_c: Tensor) -> Tensor:
        """∂(h, c)'/∂(h, c) (B, s, s, N) without the column of h."""
        by_c = by_c.clone()
        by_c[:, :, 0] = 0
        return by_c
