"""Methods that learn each layer of a stack by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.gradients import Carry, GradientMethod, Layer
from rtrl_bench.gradients.machinery.carry import own_traces
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape, forward_states, learning_states, learns


class PerLayer(GradientMethod):
    """Each layer learns from traces of its own; what it passes on to the layer below is the gradient of its input.

    To write such a method, define three things for one layer, its episodes and all slots B:
    `no_traces`, the tensors that are carried, as they are before the first step;
    `learn`, which moves them over a segment, in place, and returns the segment's gradient; and
    `advance`, which moves them over a segment without a loss, in place.

    Traces move during the backward pass, so a segment without a loss is run under `torch.no_grad()`.
    """

    def no_traces(self, batch: int, layer: Layer) -> dict[str, Tensor]:
        """A layer's traces (B, ...) before the first step, by name."""
        raise TypeError(f"{type(self).__name__} must define no_traces")

    def learn(self, tape: Tape, traces: dict[str, Tensor], g: Tensor, wants_x: bool) -> LayerGradient:
        """The gradient of a layer's segment, given g = ∂L/∂c (M, B, s, N); moves the layer's traces to its end."""
        raise TypeError(f"{type(self).__name__} must define learn")

    def advance(self, tape: Tape, traces: dict[str, Tensor]) -> None:
        """Move a layer's traces to the end of a segment without a loss."""
        raise TypeError(f"{type(self).__name__} must define advance")

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        for number, layer in enumerate(layers):
            carry.traces |= self.numbered_traces(batch, number, layer)
        return carry

    def numbered_traces(self, batch: int, number: int, layer: Layer) -> dict[str, Tensor]:
        """The traces of layer `number` as the carry names them, `number.name`."""
        return {f"{number}.{name}": trace for name, trace in self.no_traces(batch, layer).items()}

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        after, episodes = carry.claim(), Episodes.of(starts)

        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            return self.layer_states(number, layer, x, episodes, state, after)

        h, states = self.run_layers(layers, x, carry.state, run)
        after.state = torch.cat([of_layer[-1] for of_layer in states], dim=-2)
        return h, after

    def layer_states(
        self, number: int, layer: Layer, x: Tensor, episodes: Episodes, state: Tensor, after: Carry
    ) -> Tensor:
        """Run one layer: its states (M, B, s, N), of which the backward pass moves the layer's traces in `after`."""
        traces, parameters = own_traces(after.traces, number), layer.parameters
        if not learns(x, *parameters):
            tape, states = forward_states(self.cell, parameters, x, episodes, state)
            self.advance(tape, traces)
            return states
        group = str(number)
        after.pending.add(group)

        def learn(tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
            after.settle(group)
            return self.learn(tape, traces, g, wants_x)

        return learning_states(self.cell, parameters, x, episodes, state, learn)
