"""A segment of a stack of layers under exact RTRL.

Inside the segment the layers are connected by back-propagation. What the parameters have done before it is one more
node, the state at the segment's start: `recorded` makes it something that depends on all parameters. The backward pass
comes there last, with r = ∂L/∂c(0) of all layers, and turns it into gradients by the sensitivities (see
`cross_sensitivities.py`), which then move on to the segment's end.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.gradients import Carry, GradientMethod, Layer, Parameters
from rtrl_bench.gradients.machinery.cross_sensitivities import LayerSegment, StackUpdate, parameters_below
from rtrl_bench.gradients.machinery.elementwise import in_segment_gradient
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.node import recorded
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape, forward_states, learning_states, learns

GROUP = "stack"  # all traces move together


def run_stack(
    method: GradientMethod, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry
) -> tuple[Tensor, Carry]:
    """The output (M, B, ·) of two or more layers, given x (M, B, D) and starts (M, B), and the next carry."""
    after, stack = carry.begin_segment(), StackSegment(method, layers, Episodes.of(starts), carry.traces)
    sources = stack.past()
    if not any(parameter.requires_grad for parameter in sources):
        sources.append(x)  # its gradient alone can then make a backward pass come by
    if not learns(*sources):
        h = stack.run(x, carry.state, learning=False)
        stack.update().apply(stack.traces)
    else:
        after.waiting.add(GROUP)

        def learn(r: Tensor, saved: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
            after.begin_moving(GROUP)
            gradients = stack.learn(r)
            return [*gradients, *(len(wanted) - len(gradients)) * [None]]

        state = recorded(lambda: (carry.state.clone(), ()), learn, sources)
        h = stack.run(x, state, learning=True)
    after.state = torch.cat([states[-1] for states in stack.states], dim=-2)
    return h, after


class StackSegment:
    """The layers of a stack in one segment, their traces, and what their forward passes leave behind.

    states: of every layer, (M, B, s, N). tapes: by the number of the layer, once it has been run without learning or
    the backward pass has come by.
    """

    def __init__(self, method: GradientMethod, layers: Sequence[Layer], episodes: Episodes, traces: dict[str, Tensor]):
        self.method, self.layers, self.episodes, self.traces = method, layers, episodes, traces
        self.states: list[Tensor] = []
        self.tapes: dict[int, Tape] = {}

    def past(self) -> list[Tensor]:
        """All parameters that the state at the segment's start depends on."""
        below = [p for layer in self.layers[:-1] for p in parameters_below(layer).values()]
        return [*below, *self.layers[-1].parameters]

    def run(self, x: Tensor, state: Tensor, learning: bool) -> Tensor:
        """The output (M, B, ·) of a segment, which has a loss if it is for `learning`."""

        def run_layer(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            def learn(tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
                self.tapes[number] = tape
                return in_segment_gradient(tape, g, wants_x)

            if learning:
                return learning_states(self.method.cell, layer.parameters, x, self.episodes, state, learn)
            self.tapes[number], states = forward_states(self.method.cell, layer.parameters, x, self.episodes, state)
            return states

        h, self.states = self.method.run_layers(self.layers, x, state, run_layer)
        return h

    def learn(self, r: Tensor) -> list[Tensor]:
        """The gradients of `past()` given r (B, L s, N); moves all traces to the segment's end."""
        for trace in self.traces.values():
            self.episodes.stop(0, trace)
        update = self.update()
        by_layer = update.past_gradient(self.traces, [self.method.rows(r, k) for k in range(len(self.layers))])
        update.apply(self.traces)
        self.tapes.clear()  # they know the graph, which knows this object: a circle would keep all of it alive
        last = by_layer.pop()
        return [*(g for named in by_layer for g in named.values()), *(last[name] for name in Parameters._fields)]

    def update(self) -> StackUpdate:
        """What the segment does to the sensitivities."""
        parts = zip(self.layers, self.states, strict=True)
        return StackUpdate([LayerSegment.of(layer, self.tapes[k], states) for k, (layer, states) in enumerate(parts)])
