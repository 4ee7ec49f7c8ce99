"""Ways to get a recurrent gradient: one file each. `rtrl.py` is the one to imitate.

A method owns what is carried from segment to segment (`Carry`) and runs a segment of M steps of a stack of layers so
that `backward()` on a loss of its output leaves the method's gradient in the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, Readout
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients.machinery.subnormal import SWEEP_SEGMENTS, SWEEP_STEPS, sweep, swept
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
    (sensitivities, replayed inputs); owner: the stack that it belongs to, in words; segments: how many lie behind it.

    A method that moves its traces in place keeps track of it here. `spent`: a segment has begun from this carry, so no
    other can. `pending`: the groups of traces that still are those of the segment's start, until the backward pass
    moves them. `moving`: those that a backward pass has moved, or begun to move, and that has not come to its end.
    """

    state: Tensor
    traces: dict[str, Tensor] = field(default_factory=dict)
    owner: str = ""
    segments: int = 0
    spent: bool = False
    pending: set[str] = field(default_factory=set)
    moving: set[str] = field(default_factory=set)

    def bytes(self) -> int:
        """Memory held, in bytes."""
        return sum(t.numel() * t.element_size() for t in (self.state, *self.traces.values()))

    def check(self) -> None:
        """RuntimeError unless state and traces stand at the same step, as only then anything can go on from them."""
        if self.moving:
            raise RuntimeError(
                "an exception ended backward() after it had moved sensitivities of this carry: go on from a "
                "copy.deepcopy of the carry before, or begin(batch) anew"
            )
        if self.pending:
            raise RuntimeError(
                "the sensitivities still stand at the previous segment's start: call backward() on its loss before "
                "the next segment, or run a segment that has no loss under torch.no_grad()"
            )
        if self.spent:
            raise RuntimeError(
                "a segment has begun from this carry, and moved its sensitivities: go on with the carry that it "
                "returned, or keep a copy.deepcopy of this one to branch off"
            )

    def claim(self) -> Carry:
        """Begin a segment from this carry: what becomes the next one; RuntimeError if none may begin."""
        self.check()
        self.spent = True
        if self.segments % SWEEP_SEGMENTS == SWEEP_SEGMENTS - 1:
            for trace in self.traces.values():  # the sensitivities to a silent input decay
                sweep(trace)
        return Carry(self.state, self.traces, segments=self.segments + 1)

    def settle(self, group: str) -> None:
        """Called by a backward pass before it moves a pending group of traces; RuntimeError if it was here before."""
        if group not in self.pending:
            raise RuntimeError("backward() was called twice on one segment; its sensitivities have moved on")
        self.pending.remove(group)
        self.moving.add(group)
        # Called when the whole backward pass has come to its end without an exception, in any node or hook.
        torch.autograd.Variable._execution_engine.queue_callback(lambda: self.moving.discard(group))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Carry:
        """A copy on another device, its numbers (not its flags) in another type; where nothing changes, the same."""
        self.check()

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

        traces = {name: moved(trace) for name, trace in self.traces.items()}
        return Carry(moved(self.state), traces, self.owner, self.segments)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values, shared, not copied; torch.load(weights_only=True) reads what torch.save wrote."""
        self.check()
        return {
            "state": self.state,
            "traces": dict(self.traces),
            "owner": self.owner,
            "segments": self.segments,
        }

    @classmethod
    def from_state_dict(cls, saved: dict[str, Any]) -> Carry:
        """The carry that `state_dict` describes, on the device where the tensors are."""
        return cls(saved["state"], dict(saved["traces"]), saved["owner"], saved["segments"])


def no_autocast(tensor: Tensor) -> AbstractContextManager[Any]:
    """Inside, operations on the tensor's device compute in their arguments' type."""
    device = tensor.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


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
        if t % SWEEP_STEPS == 0 and state.requires_grad:
            state.register_hook(swept)
        states.append(state)
    return torch.stack(states)


GRADIENTS: Registry[type[GradientMethod]] = Registry("gradient", "rtrl_bench.gradients")
