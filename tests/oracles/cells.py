"""Cells to try things on: all registered ones that have parameters, and element-wise ones of the oracles."""

from oracles.gain import Decay, Gain
from rtrl_bench.cells import CELLS, ElementwiseCell

NAMES = [name for name in CELLS if issubclass(CELLS[name], ElementwiseCell)]  # of the registered ones
ELEMENTWISE = [*(CELLS[name] for name in NAMES), Gain, Decay]
DENSE = [CELLS[name] for name in CELLS if CELLS[name].gates and name not in NAMES]
# One of each kind, for what does not depend on the cell: one number a unit, two, no recurrent parameters, dense.
ELEMENTWISE_KINDS = ["elstm", "rtu", "mingru"]
KINDS = [*ELEMENTWISE_KINDS, "gru", "lstm"]
