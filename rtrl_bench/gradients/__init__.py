"""Ways to get a recurrent gradient: one file each. `tbptt.py` is the one to imitate; `machinery/` is what they share.

A method owns what is carried from segment to segment (`Carry`) and runs a segment of M steps of a stack of layers so
that `backward()` on a loss of its output leaves the method's gradient in the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from rtrl_bench.cells import Cell, Readout
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients.machinery.carry import Carry, new_generator
from rtrl_bench.gradients.machinery.options import checked_options
from rtrl_bench.registry import Registry


class Parameters(NamedTuple):
    """Parameters of a layer's recurrence: weight (K, N, D), bias (K, N), recurrent as the cell shapes it."""

    weight: Tensor
    bias: Tensor
    recurrent: Tensor

    def preactivations(self, x: Tensor) -> Tensor:
        """u = W x + b (..., K, N), for x (..., D)."""
        return linear(x, self.weight.flatten(0, 1), self.bias.flatten()).unflatten(-1, self.bias.shape)


class Layer(NamedTuple):
    """One layer of a stack: its recurrence, and the readout (x (..., D), c (..., s, N)) -> h that follows it."""

    parameters: Parameters
    readout: Readout


RunLayer = Callable[[int, Layer, Tensor, Tensor], Tensor]


class GradientMethod:
    """Base of the methods, of `layers` stacked layers of `cell`."""

    draws: ClassVar[bool] = False  # whether the method needs random numbers: it takes them from the carry's generator
    progress: float = 0.0  # share of the training budget that is spent, from 0 to 1; to be set before a segment

    def __init__(self, cell: Cell, layers: int = 1):
        if layers > 1 and not cell.gates:
            raise ConfigError(f"layers = {layers}: cell {type(cell).__name__} has nothing to stack; use layers: 1")
        self.cell, self.layers = cell, layers

    @property
    def grown(self) -> int:
        """How many of the layers there are by now: a method may bring them in while it trains."""
        return self.layers

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        """The carry before the first step: everything zero, on the parameters' device and in their type."""
        state = self.zero_state(batch, layers)
        return Carry(state, generator=new_generator(state.device) if self.draws else None)

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Run x (M, B, D) with starts (M, B) bool, True where an episode begins: h (M, B, ·) and the next carry."""
        raise TypeError(f"{type(self).__name__} must define segment")

    def act(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step without learning: x (B, D), starts (B,) bool, state (B, L s, N) -> h (B, ·) and the next state."""
        state = state.masked_fill(starts[:, None, None], 0)
        h, states = self.run_layers(layers, x, state, self.act_layer)
        return h, torch.cat(states, dim=-2)

    def input_size(self, inputs: int, below: Sequence[int]) -> int:
        """Features that a layer reads, given those of the stack's input and of every layer below it."""
        return below[-1] if below else inputs

    def output_size(self, outputs: Sequence[int]) -> int:
        """Features of the stack's output, given those of every layer's."""
        return outputs[-1]

    def check_type(self, dtype: torch.dtype) -> None:
        """ConfigError if the method cannot work on parameters of this type."""

    def zero_state(self, batch: int, layers: Sequence[Layer]) -> Tensor:
        """State (B, L s, N) of zeros."""
        weight = layers[0].parameters.weight
        return weight.new_zeros(batch, len(layers) * len(self.cell.state), weight.shape[1])

    def rows(self, state: Tensor, layer: int) -> Tensor:
        """The rows (..., s, N) of layer number `layer`, from 0, of the state (..., L s, N)."""
        s = len(self.cell.state)
        return state[..., layer * s : (layer + 1) * s, :]

    def run_layers(
        self, layers: Sequence[Layer], x: Tensor, state: Tensor, run: RunLayer
    ) -> tuple[Tensor, list[Tensor]]:
        """Run the layers, each of which reads the output of the one below: the top output, and every layer's states.

        run(number, layer, x, state) -> states of one layer, given what it reads and its rows of the state. The states
        are returned without their history.
        """
        h, found = x, []
        for number, layer in enumerate(layers):
            states = run(number, layer, h, self.rows(state, number))
            found.append(states.detach())
            h = layer.readout(h, states)
        return h, found

    def act_layer(self, number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
        """One layer's next state (B, s, N), given its input (B, D) and its state."""
        return self.cell.step(layer.parameters.preactivations(x), state, layer.parameters.recurrent)


GRADIENTS: Registry[type[GradientMethod]] = Registry("gradient", "rtrl_bench.gradients")


def make_method(name: str, cell: Cell, layers: int = 1, options: Mapping[str, Any] | None = None) -> GradientMethod:
    """The method `name` for a stack of `layers` layers of `cell`.

    UnknownName if there is no such method; ConfigError if it does not take this cell, so many layers or these options.
    """
    kind = GRADIENTS[name]
    return kind(cell, layers, **checked_options(name, kind, options or {}))
