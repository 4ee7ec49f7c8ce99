"""What goes from one segment to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rtrl_bench.gradients.machinery.subnormal import SWEEP_SEGMENTS, sweep


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


def own_traces(traces: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """The traces `number.name` by name: those of one layer alone, not the ones that connect it with another."""
    prefix = f"{number}."
    named = {name.removeprefix(prefix): trace for name, trace in traces.items() if name.startswith(prefix)}
    return {name: trace for name, trace in named.items() if not name[0].isdigit()}
