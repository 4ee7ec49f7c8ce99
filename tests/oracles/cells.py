"""Element-wise cells to try things on: all registered ones, and those of the oracles."""

from oracles.gain import Decay, Gain
from rtrl_bench.cells import CELLS, ElementwiseCell

REGISTERED = [CELLS[name] for name in CELLS if issubclass(CELLS[name], ElementwiseCell)]
ELEMENTWISE = [*REGISTERED, Gain, Decay]
