"""Sizes of a stack of recurrent layers, and what its cell makes of them: all that the formulas of `predict.py` read."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from rtrl_bench.errors import ConfigError, one_of


@dataclass(frozen=True)
class Sizes:
    """L layers of N units over D inputs, B slots, segments of M steps, episodes of T (which matters to bptt alone)."""

    cell: str
    layers: int
    hidden: int
    inputs: int
    batch: int
    unroll: int
    episode: int
    bytes_per_number: int = 4

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self) if f.name != "cell"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{name} = {value!r}: expected an integer >= 1")


@dataclass(frozen=True)
class CellShape:
    """K gates, s rows of state, whether its recurrence is element-wise, and the numbers in its recurrent parameters."""

    gates: int
    rows: int
    elementwise: bool
    recurrent: int


@dataclass(frozen=True)
class LayerShape:
    """One layer of N = `units` over D_l = `inputs`.

    `readout` counts the parameters behind its recurrence, `readout_of_x` those of them that multiply the layer's input.
    """

    cell: CellShape
    inputs: int
    units: int
    outputs: int
    readout: int
    readout_of_x: int

    @property
    def state(self) -> int:
        """s N: numbers of the state."""
        return self.cell.rows * self.units

    @property
    def preactivations(self) -> int:
        """K N: numbers of u."""
        return self.cell.gates * self.units

    @property
    def weight(self) -> int:
        """K N D_l: input weights."""
        return self.preactivations * self.inputs

    @property
    def recurrence(self) -> int:
        """Parameters of the recurrence, without those of the readout."""
        return self.weight + self.preactivations + self.cell.recurrent

    @property
    def parameters(self) -> int:
        """P_l: all parameters."""
        return self.recurrence + self.readout

    @property
    def reads_input(self) -> int:
        """Parameters that multiply the layer's input: K N D_l, and the readout's share."""
        return self.weight + self.readout_of_x

    @property
    def own_sensitivities(self) -> int:
        """s (K N D_l + K N + K' N): of the state of an element-wise layer to its own parameters, for one slot."""
        return self.cell.rows * self.recurrence


def layer_shapes(sizes: Sizes, reads_all_below: bool) -> list[LayerShape]:
    """The layers of the stack, the lowest first; ConfigError for a cell that is unknown or has no recurrence.

    `reads_all_below`: a layer reads the stack's input and all lower layers (columnar), not the next lower one alone.
    """
    cell = cell_shape(sizes.cell, sizes.hidden)
    layers: list[LayerShape] = []
    inputs = sizes.inputs
    for _ in range(sizes.layers):
        outputs, *readout = _behind_the_recurrence(sizes.cell, inputs, sizes.hidden)
        layers.append(LayerShape(cell, inputs, sizes.hidden, outputs, *readout))
        inputs = inputs + outputs if reads_all_below else outputs
    return layers


def cell_shape(name: str, hidden: int) -> CellShape:
    """The sizes of the recurrence of N = `hidden` units."""
    from rtrl_bench.cells import CELLS, ElementwiseCell  # here: it imports torch, for which a mistake need not wait

    if name not in CELLS:
        raise ConfigError(f"unknown cell {name!r}: {one_of(name, CELLS)}")
    cell = CELLS[name]()
    if not cell.state:
        raise ConfigError(f"cell = {name!r}: it has no recurrence, so there is no recurrent gradient; choose another")
    recurrent = math.prod(cell.recurrent_shape(hidden))
    return CellShape(len(cell.gates), len(cell.state), isinstance(cell, ElementwiseCell), recurrent)


def _behind_the_recurrence(name: str, inputs: int, hidden: int) -> tuple[int, int, int]:
    """Outputs of a layer and parameters of its readout, all and on x; it is made on the meta device: without memory."""
    from rtrl_bench.cells import CELLS
    from rtrl_bench.shapes_alone import shapes_alone

    cell = CELLS[name]()
    with shapes_alone():
        readout = cell.readout(inputs, hidden)
    parameters = sum(parameter.numel() for parameter in readout.parameters())
    return cell.output_size(inputs, hidden), parameters, readout.weights_on_input
