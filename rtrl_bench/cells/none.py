"""No recurrence: the feedforward baseline of the paper, in which the heads read the input features directly."""

from __future__ import annotations

from torch import Tensor

from rtrl_bench.cells import CELLS, Cell, Readout


@CELLS.register("none")
class Feedforward(Cell):
    """A cell without state: h = x."""

    gates = ()
    state = ()
    retentive = False

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (0, hidden)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return c

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        """There is nothing to fill."""

    def readout(self, inputs: int, hidden: int) -> Readout:
        return _Input()

    def output_size(self, inputs: int, hidden: int) -> int:
        return inputs


class _Input(Readout):
    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return x
