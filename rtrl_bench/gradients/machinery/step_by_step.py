"""Methods that learn each layer by itself, from traces that move at every step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.jacobians import input_gradient
from rtrl_bench.gradients.machinery.per_layer import PerLayer
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape


class StepByStep(PerLayer):
    """Such a method defines `first_traces`, `move` and `gradient`; traces are cleared where an episode begins.

    The layer's input gets its gradient by back-propagation inside the segment, which is what connects the layers of a
    stack, as with `rtrl_segment`.
    """

    def move(self, tape: Tape, carry: LayerCarry, t: int, u: Tensor) -> None:
        """Move the traces from step t - 1 to step t, in place; u (B, K, N) are the pre-activations."""
        raise TypeError(f"{type(self).__name__} must define move")

    def gradient(self, traces: dict[str, Tensor], g: Tensor) -> Parameters:
        """One step's part in the gradient, given g = ∂L/∂c (B, s, N) and the traces at that step."""
        raise TypeError(f"{type(self).__name__} must define gradient")

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        found = Parameters(*map(torch.zeros_like, tape.parameters))
        for t in self.steps(tape, carry):
            for total, part in zip(found, self.gradient(carry.traces, g[t])):
                total += part
        return LayerGradient(input_gradient(tape, g) if wants_x else None, found)

    def advance(self, tape: Tape, carry: LayerCarry) -> None:
        for _ in self.steps(tape, carry):
            pass

    def steps(self, tape: Tape, carry: LayerCarry) -> Iterator[int]:
        """Every step in turn, with the traces moved to it."""
        for t, u in enumerate(tape.parameters.preactivations(tape.x)):
            for trace in carry.traces.values():
                if trace.is_floating_point():  # indices stay as they were drawn
                    tape.episodes.stop(t, trace)
            self.move(tape, carry, t, u)
            yield t
