"""What all formulas of what a method costs share: back-propagation inside a segment. Notation as in `predict.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtrl_bench.costs.shapes import LayerShape

Stack = Sequence[LayerShape]


@dataclass(frozen=True)
class Parts:
    """Numbers carried and worked on and operations, of one slot; `steps` between two updates."""

    carried: int
    working: int
    flops: int
    steps: int


def state(stack: Stack) -> int:
    return sum(layer.state for layer in stack)


def _tape(layer: LayerShape) -> int:
    """What a step of a layer leaves for the backward pass, besides its input.

    u, the state before and after; of a readout with parameters (an output gate) its input [x, c], its activation and
    its output. A cell that is not element-wise runs under autograd, which also keeps the gates' activations and two
    more copies of the state.
    """
    readout = layer.inputs + 3 * layer.units if layer.readout else 0
    recurrence = layer.preactivations + 2 * layer.state
    return readout + (recurrence if layer.cell.elementwise else 2 * recurrence)


def backward(layer: LayerShape) -> int:
    """What the backward pass of a layer holds for each step: gradients of the output, of the states, of u."""
    of_u = layer.preactivations if layer.cell.elementwise else 2 * layer.preactivations
    return layer.outputs + layer.state + of_u


def tapes(stack: Stack) -> int:
    """One step of all layers; what a layer reads is the output of the one below."""
    return stack[0].inputs + sum(map(_tape, stack))


def held(stack: Stack) -> int:
    """Of one step: all tapes, and the backward pass of one layer."""
    return tapes(stack) + max(map(backward, stack))


def backpropagation_flops(stack: Stack) -> int:
    """6 P a step, forward 2 and back 4; the lowest layer's input needs no gradient."""
    return 6 * sum(layer.parameters for layer in stack) - 2 * stack[0].reads_input
