"""What goes from one segment to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rtrl_bench.gradients.machinery.subnormal import SWEEP_SEGMENTS, sweep


@dataclass
class Carry:
    """What goes from one segment to the next, for every slot of the batch.

    state (B, L s, N): the recurrent state, s rows for each of L layers, the lowest layer first.
    traces: tensors of the gradient method's own, by name, such as sensitivities or inputs to replay.
    generator: where the method draws its random numbers from; None if it draws none.
    owner: in words, the stack that the carry belongs to.
    segments: how many segments lie behind.

    A carry serves one segment. Methods move traces in place during the backward pass, so once a segment has begun, the
    traces are on their way to its end. These fields keep track of that:
    begun: a segment has begun from this carry, and no other can.
    waiting: the groups of traces that the segment's backward pass has still to move.
    moving: the groups that a backward pass has begun to move. They leave this set when it ends without an exception.
    """

    state: Tensor
    traces: dict[str, Tensor] = field(default_factory=dict)
    generator: torch.Generator | None = None
    owner: str = ""
    segments: int = 0
    begun: bool = False
    waiting: set[str] = field(default_factory=set)
    moving: set[str] = field(default_factory=set)

    def bytes(self) -> int:
        """Memory that state and traces take."""
        return sum(t.numel() * t.element_size() for t in (self.state, *self.traces.values()))

    def check(self) -> None:
        """RuntimeError unless a segment may begin here, which is when state and traces stand at the same step."""
        if self.moving:
            raise RuntimeError(
                "an exception ended backward() after it had moved sensitivities of this carry: go on from an "
                "earlier copy.deepcopy of it, or start anew with begin(batch)"
            )
        if self.waiting:
            raise RuntimeError(
                "the sensitivities still stand at the previous segment's start: call backward() on its loss before "
                "the next segment, or run a segment that has no loss under torch.no_grad()"
            )
        if self.begun:
            raise RuntimeError(
                "a segment has begun from this carry, and moved its sensitivities: go on with the carry that it "
                "returned, or keep a copy.deepcopy of this one to branch off"
            )

    def begin_segment(self) -> Carry:
        """What will be the carry at the segment's end, with the traces as they are; RuntimeError if none may begin."""
        self.check()
        self.begun = True
        if self.segments % SWEEP_SEGMENTS == SWEEP_SEGMENTS - 1:
            for trace in self.traces.values():  # the sensitivities to a silent input decay
                sweep(trace)
        return Carry(self.state, self.traces, generator=self.generator, segments=self.segments + 1)

    def begin_moving(self, group: str) -> None:
        """To be called by a backward pass before it moves a group of traces; RuntimeError if it was here before."""
        if group not in self.waiting:
            raise RuntimeError("backward() was called twice on one segment; its sensitivities have moved on")
        self.waiting.remove(group)
        self.moving.add(group)
        # Called when the whole backward pass has come to its end without an exception, in any node or hook.
        torch.autograd.Variable._execution_engine.queue_callback(lambda: self.moving.discard(group))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Carry:
        """The carry on another device, its numbers (not its flags) in another type; this very one if none changes.

        Otherwise it is a copy, and segments can begin from both. Random numbers go on as they would have where the
        device is of the same kind. On another kind of device a generator draws other numbers; it is seeded from the
        state of the old one.
        """
        self.check()
        state = self.state.to(device=device, dtype=dtype)
        if state is self.state:
            return self

        def copied(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None, copy=True)

        traces = {name: copied(trace) for name, trace in self.traces.items()}
        generator = self.generator
        if generator is not None:
            generator = _generator_from(_saved_generator(generator), state.device)
        return Carry(state, traces, generator=generator, owner=self.owner, segments=self.segments)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values, shared, not copied; torch.load(weights_only=True) reads what torch.save wrote."""
        self.check()
        return {
            "state": self.state,
            "traces": dict(self.traces),
            "generator": None if self.generator is None else _saved_generator(self.generator),
            "owner": self.owner,
            "segments": self.segments,
        }

    @classmethod
    def from_state_dict(cls, saved: Mapping[str, Any]) -> Carry:
        """The carry that `state_dict` describes, on the device where the tensors are; ValueError for anything else."""
        missing = [key for key in ("state", "traces", "generator", "owner", "segments") if key not in saved]
        if missing:
            raise ValueError(f"no {missing[0]} in what was saved: expected what Carry.state_dict() returns")
        state, generator = saved["state"], saved["generator"]
        if generator is not None:
            generator = _generator_from(generator, state.device)
        traces, owner, segments = dict(saved["traces"]), saved["owner"], saved["segments"]
        return cls(state, traces, generator=generator, owner=owner, segments=segments)


@dataclass
class LayerCarry:
    """The part of a carry that belongs to one layer: its traces by name, and the method's generator, if it draws."""

    traces: dict[str, Tensor]
    generator: torch.Generator | None

    @classmethod
    def of(cls, carry: Carry, number: int) -> LayerCarry:
        """That of layer `number`, from 0. In the carry the traces are called `number.name`."""
        prefix = f"{number}."
        named = {name.removeprefix(prefix): trace for name, trace in carry.traces.items() if name.startswith(prefix)}
        return cls(named, carry.generator)


def new_generator(device: torch.device) -> torch.Generator:
    """A generator on a device, seeded by torch's own: torch.manual_seed makes it repeatable."""
    return torch.Generator(device).manual_seed(int(torch.randint(2**63 - 1, ())))


def _saved_generator(generator: torch.Generator) -> dict[str, Any]:
    return {"device": generator.device.type, "state": generator.get_state()}


def _generator_from(saved: Mapping[str, Any], device: torch.device) -> torch.Generator:
    """A generator that goes on from a saved one; on another kind of device, one that is seeded from its state."""
    generator, state = torch.Generator(device), saved["state"].cpu()
    if saved["device"] == device.type:
        return generator.set_state(state)
    return generator.manual_seed(int.from_bytes(hashlib.sha256(state.numpy().tobytes()).digest()[:7]))
