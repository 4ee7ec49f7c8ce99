"""Methods that learn each layer of a stack by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Carry, GradientMethod, Layer
from rtrl_bench.gradients.machinery.carry import LayerCarry
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape, forward_states, learning_states, learns


class PerLayer(GradientMethod):
    """Each layer learns from traces of its own; what it passes on to the layer below is the gradient of its input.

    Such a method defines three things, for one layer and all slots of the batch:

    `first_traces` makes the tensors that are carried, as they are before the first step.
    `learn` gets a segment with the direct derivatives of its loss. It moves the traces to the segment's end, in place,
        and returns the segment's gradient.
    `advance` moves the traces over a segment that has no loss.

    The segment is a `Tape`: the layer's input, the states before the steps, where episodes begin, the cell and its
    parameters. Derivatives of an element-wise cell come from `linearised` (elementwise.py), those of any other from
    torch.func, as in torch.func.vjp(tape.cell.step, tape.activations[t], tape.previous[t], w). A trace that runs
    through time has to be cleared where an episode begins: `tape.episodes`. A method that draws random numbers says
    `draws = True`, and takes them from `carry.generator`, which is saved and restored with the traces.

    `rtrl_stepwise.py` is such a method, written to be read; `StepByStep` has the loop of those whose traces move at
    every step. Traces move during the backward pass, so a segment without a loss is run under `torch.no_grad()`.
    """

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        """A layer's traces (B, ...) before the first step, by name."""
        raise TypeError(f"{type(self).__name__} must define first_traces")

    def learn(self, tape: Tape, carry: LayerCarry, g: Tensor, wants_x: bool) -> LayerGradient:
        """The gradient of a layer's segment, given g = ∂L/∂c (M, B, s, N); moves the layer's traces to its end.

        wants_x: whether the layer's input needs a gradient, which is what the layer below learns from.
        """
        raise TypeError(f"{type(self).__name__} must define learn")

    def advance(self, tape: Tape, carry: LayerCarry) -> None:
        """Move a layer's traces to the end of a segment that has no loss."""
        raise TypeError(f"{type(self).__name__} must define advance")

    def check_type(self, dtype: torch.dtype) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ConfigError(
                f"parameters of type {dtype}: sensitivities over a long memory do not survive its rounding, expected "
                "torch.float32 or torch.float64; use stack.float(), and torch.autocast for what lies around it"
            )

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        for number, layer in enumerate(layers):
            self.begin_layer(carry, number, layer)
        return carry

    def begin_layer(self, carry: Carry, number: int, layer: Layer) -> None:
        """Put the first traces of layer `number` into the carry."""
        traces = self.first_traces(len(carry.state), layer, carry.generator)
        carry.traces |= {f"{number}.{name}": trace for name, trace in traces.items()}

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        after, episodes = carry.begin_segment(), Episodes.of(starts)

        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            return self.layer_states(number, layer, x, episodes, state, after)

        h, states = self.run_layers(layers, x, carry.state, run)
        after.state = torch.cat([of_layer[-1] for of_layer in states], dim=-2)
        return h, after

    def layer_states(
        self, number: int, layer: Layer, x: Tensor, episodes: Episodes, state: Tensor, after: Carry
    ) -> Tensor:
        """Run one layer: its states (M, B, s, N), of which the backward pass moves the layer's traces in `after`."""
        carry, parameters = LayerCarry.of(after, number), layer.parameters
        if not learns(x, *parameters):
            tape, states = forward_states(self.cell, parameters, x, episodes, state)
            self.advance(tape, carry)
            return states
        group = str(number)
        after.waiting.add(group)

        def learn(tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
            after.begin_moving(group)
            return self.learn(tape, carry, g, wants_x)

        return learning_states(self.cell, parameters, x, episodes, state, learn)
