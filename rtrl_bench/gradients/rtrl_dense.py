"""Exact real-time recurrent learning of one layer of any cell, in the textbook's form (Williams & Zipser 1989).

    S(t) = J(t) S(t-1) + I(t),   ∂L/∂θ = Σ_t g(t) S(t)    (equation 6 there; Menick et al. 2021, equation 3)

with J(t) = ∂c(t)/∂c(t-1) and I(t) = ∂c(t)/∂θ at constant c(t-1). J and I are the rows of the identity, pulled back
through one step of the cell.
"""

from __future__ import annotations

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery.influence import Influence, Whole


@GRADIENTS.register("rtrl_dense")
class DenseRTRL(Influence):
    """The exact gradient of one layer of any cell, back to the episode's start; nothing is dropped.

    Equals full BPTT if the parameters stand still. It carries n P numbers a slot, for n = s N numbers of state and P
    parameters, and works on as many more: O(K N² (N + D)) bytes. A step takes 2 n² P operations. So it is for
    small layers, and the truth that approximations of dense cells are held to. Element-wise cells have `rtrl`, which
    gives the same N² times as fast.
    """

    def __init__(self, cell: Cell, layers: int = 1):
        super().__init__(cell, layers, Whole())
        if layers > 1:
            raise ConfigError(f"layers = {layers}: gradient: rtrl_dense is for one layer; use gradient: tbptt")
