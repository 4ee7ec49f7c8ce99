"""Element-wise cells to try things on: all registered ones, and those of the oracles."""

from oracles.gain import Gain
from oracles.lru import LRU, Decay
from oracles.mingru import MinGRU
from oracles.rotation import Rotation
from rtrl_bench.cells import CELLS, ElementwiseCell

REGISTERED = [CELLS[name] for name in CELLS if issubclass(CELLS[name], ElementwiseCell)]
ELEMENTWISE = [*REGISTERED, Rotation, Gain, MinGRU, LRU, Decay]
