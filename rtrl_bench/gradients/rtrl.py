"""Exact real-time recurrent learning of element-wise layers, one pass over the sensitivities per segment.

The sensitivities S = ∂c/∂θ (Williams & Zipser 1989) enter a segment as S(0) and are carried over its M steps at once
(the fixed-size storage of Schmidhuber 1992, for the element-wise cells of Irie et al. 2024). With λ, α, ω, g, e as in
`machinery/elementwise.py` and the suffix products p(t) = λ(M) ··· λ(t+1), always multiplied up and never divided:
    ∂L/∂θ  = in-segment part of back-propagation + Σ_b r ⊙ S(0),   r = λ(1)ᵀ e(1) = ∂L/∂c(0)
    S_W(M) = p(0) S_W(0) + Σ_t (p(t) α(t)) ⊗ x(t),                 p(0) = λ(M) ··· λ(1)
Both sums over t are matrix products, so the (B, K, N, D) tensor is read and written once, not M times.
Stacked layers need more than that, in `machinery/cross_sensitivities.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS, Carry, Layer, Parameters
from rtrl_bench.gradients.machinery import cross_sensitivities
from rtrl_bench.gradients.machinery.elementwise import in_segment_gradient
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.node import recorded
from rtrl_bench.gradients.machinery.own_sensitivities import SegmentWise
from rtrl_bench.gradients.machinery.tape import LayerGradient, Tape, forward_states, learning_states, learns


@GRADIENTS.register("rtrl")
class RTRL(SegmentWise):
    """Exact RTRL, segment-wise, of any number of layers."""

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        carry.traces |= cross_sensitivities.no_sensitivities(batch, layers, len(self.cell.state))
        return carry

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        if len(layers) == 1:
            return super().segment(layers, x, starts, carry)
        after = carry.begin_segment()
        stack = _StackSegment(layers, Episodes.of(starts), carry.traces, self)
        state = carry.state
        roots = stack.parameters()
        if not any(parameter.requires_grad for parameter in roots):
            roots.append(x)  # its gradient alone can then make a backward pass come by
        stack.learning = learns(*roots)
        if stack.learning:
            after.waiting.add("stack")

            def learn(r: Tensor, saved: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
                after.begin_moving("stack")
                gradients = stack.learn(r)
                return [*gradients, *(len(wanted) - len(gradients)) * [None]]

            # The state as something that the parameters have made: the backward pass comes here last, with r.
            state = recorded(lambda: (carry.state.clone(), ()), learn, roots)
        h = stack.run(x, state)
        if not stack.learning:
            stack.advance()
        after.state = torch.cat([states[-1] for states in stack.states], dim=-2)
        return h, after


class _StackSegment:
    """A segment of two or more layers, connected by back-propagation inside it and by sensitivities with the past."""

    def __init__(self, layers: Sequence[Layer], episodes: Episodes, traces: dict[str, Tensor], method: RTRL):
        self.layers, self.episodes, self.traces, self.method = layers, episodes, traces, method
        self.tapes: dict[int, Tape] = {}
        self.states: list[Tensor] = []
        self.learning = False  # whether a backward pass will come by

    def parameters(self) -> list[Tensor]:
        """All that the past has depended on, in the order of `learn`."""
        below = [p for layer in self.layers[:-1] for p in cross_sensitivities.parameters_below(layer).values()]
        return [*below, *self.layers[-1].parameters]

    def run(self, x: Tensor, state: Tensor) -> Tensor:
        """The stack's output (M, B, ·); keeps every layer's states, and its tape once the backward pass has come by."""
        h, self.states = self.method.run_layers(self.layers, x, state, self._run_layer)
        return h

    def _run_layer(self, number: int, layer: Layer, x: Tensor, start: Tensor) -> Tensor:
        cell, episodes = self.method.cell, self.episodes
        if self.learning:
            learn = partial(self._in_segment, number)
            return learning_states(cell, layer.parameters, x, episodes, start, learn)
        self.tapes[number], states = forward_states(cell, layer.parameters, x, episodes, start)
        return states

    def _in_segment(self, number: int, tape: Tape, g: Tensor, wants_x: bool) -> LayerGradient:
        self.tapes[number] = tape
        return in_segment_gradient(tape, g, wants_x)

    def learn(self, r: Tensor) -> list[Tensor]:
        """What the past adds to the gradients, given r (B, L s, N); moves all traces to the segment's end."""
        for trace in self.traces.values():
            self.episodes.stop(0, trace)
        transition = self._transition()
        gradients = transition.past_gradient(
            self.traces, [self.method.rows(r, number) for number in range(len(self.layers))]
        )
        transition.apply(self.traces)
        self.tapes.clear()  # they know the graph, which knows this object: a circle would keep all of it alive
        last = gradients.pop()
        return [*(g for named in gradients for g in named.values()), *(last[name] for name in Parameters._fields)]

    def advance(self) -> None:
        """Move all traces to the end of a segment without loss."""
        self._transition().apply(self.traces)

    def _transition(self) -> cross_sensitivities.StackTransition:
        return cross_sensitivities.StackTransition(
            [
                cross_sensitivities.LayerSegment.of(layer, self.tapes[number], self.states[number])
                for number, layer in enumerate(self.layers)
            ]
        )
