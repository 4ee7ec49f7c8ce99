"""Ways to get a recurrent gradient: one file each. `rtrl.py` is the one to imitate.

A method owns what is carried from segment to segment (`Carry`) and runs a segment of M steps so that `backward()` on a
loss of its states leaves the method's gradient in the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.config import ConfigError
from rtrl_bench.registry import Registry


class Parameters(NamedTuple):
    """Parameters of the recurrence: weight (K, N, D), bias (K, N), recurrent as the cell shapes it."""

    weight: Tensor
    bias: Tensor
    recurrent: Tensor


@dataclass
class Carry:
    """What goes from one segment to the next, a row per environment slot.

    state (B, s, N); traces: the method's own tensors (sensitivities, replayed inputs). `pending` is True between a
    segment's forward and its backward pass, while the traces are those of the segment's start. `spent`: a segment that
    moved the traces in place has begun from this carry, so it cannot begin another.
    """

    state: Tensor
    traces: dict[str, Tensor] = field(default_factory=dict)
    pending: bool = False
    spent: bool = False

    def bytes(self) -> int:
        """Memory held, in bytes."""
        return sum(t.numel() * t.element_size() for t in (self.state, *self.traces.values()))


class GradientMethod:
    """Base of the methods. `window` is an option of TBPTT alone."""

    def __init__(self, cell: Cell, window: int | str | None = None):
        if window is not None:
            raise ConfigError(f"window = {window!r}: only gradient: tbptt has a window; remove the key")
        self.cell = cell

    def begin(self, batch: int, parameters: Parameters) -> Carry:
        """The carry before the first step: everything zero, on the parameters' device and in their type."""
        return Carry(self.zero_state(batch, parameters))

    def zero_state(self, batch: int, parameters: Parameters) -> Tensor:
        """State (B, s, N) of zeros."""
        return parameters.weight.new_zeros(batch, len(self.cell.state), parameters.weight.shape[1])

    def segment(self, parameters: Parameters, x: Tensor, keep: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Run x (M, B, D) with keep (M, B), 0 where an episode starts: states (M, B, s, N) and the next carry."""
        raise TypeError(f"{type(self).__name__} must define segment")


def autograd_segment(cell: Cell, parameters: Parameters, x: Tensor, keep: Tensor, state: Tensor) -> Tensor:
    """States (M, B, s, N) of any cell, step by step under autograd's tape: the plain PyTorch way."""
    u = torch.einsum("tbd,knd->tbkn", x, parameters.weight) + parameters.bias
    states = []
    for t in range(len(x)):
        state = cell.step(u[t], state * keep[t, :, None, None], parameters.recurrent)
        states.append(state)
    return torch.stack(states)


GRADIENTS: Registry[type[GradientMethod]] = Registry("gradient", "rtrl_bench.gradients")
