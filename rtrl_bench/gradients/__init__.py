"""Ways to get a recurrent gradient: one file each. `rtrl.py` is the one to imitate.

A method owns what is carried from segment to segment (`Carry`) and runs a segment of M steps of a stack of layers so
that `backward()` on a loss of its output leaves the method's gradient in the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, Readout
from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry


class Parameters(NamedTuple):
    """Parameters of a layer's recurrence: weight (K, N, D), bias (K, N), recurrent as the cell shapes it."""

    weight: Tensor
    bias: Tensor
    recurrent: Tensor


class Layer(NamedTuple):
    """One layer of a stack: its recurrence, and the readout (x (..., D), c (..., s, N)) -> h that follows it."""

    parameters: Parameters
    readout: Readout


@dataclass
class Carry:
    """What goes from one segment to the next, a row per environment slot.

    state (B, L s, N): s rows for each of the L layers, the lowest first; traces: the method's own tensors
    (sensitivities, replayed inputs). `pending` names, between a segment's forward and its backward pass, the traces
    that are still those of the segment's start. `spent`: a segment that moved the traces in place has begun from this
    carry, so it cannot begin another.
    """

    state: Tensor
    traces: dict[str, Tensor] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    spent: bool = False

    def bytes(self) -> int:
        """Memory held, in bytes."""
        return sum(t.numel() * t.element_size() for t in (self.state, *self.traces.values()))


class GradientMethod:
    """Base of the methods, of `layers` stacked layers of `cell`. `window` is an option of TBPTT alone."""

    def __init__(self, cell: Cell, window: int | str | None = None, layers: int = 1):
        if window is not None:
            raise ConfigError(f"window = {window!r}: only gradient: tbptt has a window; remove the key")
        if layers > 1 and not cell.gates:
            raise ConfigError(f"layers = {layers}: cell {type(cell).__name__} has nothing to stack; use layers: 1")
        self.cell, self.layers = cell, layers
        self.progress = 0.0  # share of the training budget that is spent; the learner sets it before a segment

    @property
    def grown(self) -> int:
        """How many of the layers are in use: all, unless the method grows them."""
        return self.layers

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        """The carry before the first step: everything zero, on the parameters' device and in their type."""
        return Carry(self.zero_state(batch, layers))

    def zero_state(self, batch: int, layers: Sequence[Layer]) -> Tensor:
        """State (B, L s, N) of zeros."""
        weight = layers[0].parameters.weight
        return weight.new_zeros(batch, len(layers) * len(self.cell.state), weight.shape[1])

    def rows(self, state: Tensor, layer: int) -> Tensor:
        """The rows (..., s, N) of layer number `layer`, from 0, of the state (..., L s, N)."""
        s = len(self.cell.state)
        return state[..., layer * s : (layer + 1) * s, :]

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Run x (M, B, D) with starts (M, B) bool, True where an episode begins: h (M, B, ·) and the next carry."""
        raise TypeError(f"{type(self).__name__} must define segment")

    def feed(self, x: Tensor, outputs: Sequence[Tensor]) -> Tensor:
        """What the next layer reads, given the stack's input and the outputs of the layers below: the last of these."""
        return outputs[-1] if outputs else x

    def gather(self, outputs: Sequence[Tensor]) -> Tensor:
        """The stack's output, given those of all layers: the last."""
        return outputs[-1]


def autograd_segment(cell: Cell, parameters: Parameters, x: Tensor, starts: Tensor, state: Tensor) -> Tensor:
    """States (M, B, s, N) of any cell, step by step under autograd's tape: the plain PyTorch way."""
    u = torch.einsum("tbd,knd->tbkn", x, parameters.weight) + parameters.bias
    states = []
    for t in range(len(x)):
        before = state.masked_fill(starts[t, :, None, None], 0)
        state = cell.step(u[t], before, parameters.recurrent)
        states.append(state)
    return torch.stack(states)


GRADIENTS: Registry[type[GradientMethod]] = Registry("gradient", "rtrl_bench.gradients")
