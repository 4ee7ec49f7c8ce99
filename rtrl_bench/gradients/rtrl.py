"""Exact real-time recurrent learning of element-wise layers, one pass over the sensitivities per segment.

The sensitivities S = ∂c/∂θ (Williams & Zipser 1989) enter a segment as S(0) and are carried over its M steps at once
(the fixed-size storage of Schmidhuber 1992, for the element-wise cells of Irie et al. 2024). With λ, α, ω, g, e as in
`machinery/elementwise.py` and the suffix products p(t) = λ(M) ··· λ(t+1), always multiplied up and never divided:
    ∂L/∂θ  = in-segment part of back-propagation + Σ_b r ⊙ S(0),   r = λ(1)ᵀ e(1) = ∂L/∂c(0)
    S_W(M) = p(0) S_W(0) + Σ_t (p(t) α(t)) ⊗ x(t),                 p(0) = λ(M) ··· λ(1)
Both sums over t are matrix products, so the (B, K, N, D) tensor is read and written once, not M times.
Stacked layers need more than that, in `cross_sensitivities.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Carry, GradientMethod, Layer, Parameters
from rtrl_bench.gradients.machinery import cross_sensitivities
from rtrl_bench.gradients.machinery.elementwise import (
    Accumulator,
    InSegmentGradient,
    Linearised,
    Tape,
    forward_states,
    run_segment,
)
from rtrl_bench.gradients.machinery.episodes import Episodes, clear
from rtrl_bench.gradients.machinery.own_sensitivities import Transition, own_traces


class CarriedSensitivities(GradientMethod):
    """What all forms of RTRL share: each layer's sensitivities to its own parameters, carried from segment to segment.

    Traces of layer l: `l.weight` (B, s, K, N, D), `l.bias` (B, s, K, N), `l.recurrent` (B, s, K', N). They move on to
    the segment's end in place, during its backward pass. A segment without a loss is run under `torch.no_grad()` and
    moves them at once. Inside a segment the layers of a stack are connected by ordinary back-propagation.
    """

    cell: ElementwiseCell

    def __init__(self, cell: Cell, window: int | str | None = None, layers: int = 1):
        super().__init__(cell, window, layers)
        if not isinstance(cell, ElementwiseCell):
            name = type(cell).__name__
            raise ConfigError(f"gradient: exact RTRL needs an element-wise cell, {name} is none; use gradient: tbptt")

    def check_type(self, dtype: torch.dtype) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ConfigError(
                f"parameters of type {dtype}: sensitivities over a long memory do not survive its rounding, expected "
                "torch.float32 or torch.float64; use stack.float(), and torch.autocast for what lies around it"
            )

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        for number, layer in enumerate(layers):
            carry.traces |= self.no_sensitivities(batch, number, layer)
        return carry

    def no_sensitivities(self, batch: int, number: int, layer: Layer) -> dict[str, Tensor]:
        """The traces of layer `number` before its first step."""
        s = len(self.cell.state)
        parameters = layer.parameters._asdict().items()
        return {f"{number}.{name}": parameter.new_zeros(batch, s, *parameter.shape) for name, parameter in parameters}

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        after = carry.claim()
        episodes = Episodes(starts)
        outputs: list[Tensor] = []
        ends = []
        for number, layer in enumerate(layers):
            read = self.feed(x, outputs)
            before = self.rows(carry.state, number)
            states = self.layer_states(number, layer.parameters, read, episodes, before, after)
            ends.append(states[-1].detach())
            outputs.append(layer.readout(read, states))
        after.state = torch.cat(ends, dim=-2)
        return self.gather(outputs), after

    def layer_states(
        self, number: int, parameters: Parameters, x: Tensor, episodes: Episodes, state: Tensor, after: Carry
    ) -> Tensor:
        """Run one layer: its states (M, B, s, N), of which the backward pass moves the layer's traces in `after`."""
        traces = own_traces(after.traces, number)
        if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *parameters))):
            tape, states = forward_states(self.cell, parameters, x, episodes, state)
            self.advance(traces, tape)
            return states
        layer = str(number)
        after.pending.add(layer)

        def accumulator(tape: Tape) -> Accumulator:
            after.settle(layer)
            return self.accumulator(traces, tape)

        return run_segment(self.cell, parameters, x, episodes, state, accumulator)

    def accumulator(self, traces: dict[str, Tensor], tape: Tape) -> Accumulator:
        """Collects the gradient of a layer's segment and moves its traces to the end, in place."""
        raise TypeError(f"{type(self).__name__} must define accumulator")

    def advance(self, traces: dict[str, Tensor], tape: Tape) -> None:
        """Move a layer's traces over a segment without loss, in place."""
        raise TypeError(f"{type(self).__name__} must define advance")


class SegmentWise(CarriedSensitivities):
    """Each layer's own sensitivities carried over a segment at once."""

    def no_sensitivities(self, batch: int, number: int, layer: Layer) -> dict[str, Tensor]:
        traces = super().no_sensitivities(batch, number, layer)
        inputs_first = traces[f"{number}.weight"].movedim(-1, 1).contiguous()  # (B, D, s, K, N): long, aligned rows
        return traces | {f"{number}.weight": inputs_first.movedim(1, -1)}

    def accumulator(self, traces: dict[str, Tensor], tape: Tape) -> Accumulator:
        return OwnGradient(traces, tape)

    def advance(self, traces: dict[str, Tensor], tape: Tape) -> None:
        Transition.over(tape).apply(traces)


class OwnGradient(InSegmentGradient):
    """The in-segment gradient of a layer and what the sensitivities of its own state add to it."""

    def __init__(self, traces: dict[str, Tensor], tape: Tape):
        super().__init__(tape)
        self._traces, self._transition = traces, Transition(tape, consume=True)

    def add(self, steps: slice, block: Linearised, g: Tensor, e: Tensor) -> None:
        p = self._transition.suffix_products(steps, block)  # step by step, as e: what can be shared by threads follows
        super().add(steps, block, g, e)
        self._transition.add(steps, block, p)

    def finish(self, r: Tensor) -> Parameters:
        gradient = super().finish(r)
        self._transition.apply(self._traces, r, gradient)
        return gradient


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
        after = carry.claim()
        stack = _StackSegment(layers, Episodes(starts), carry.traces, self)
        state = carry.state
        roots = stack.parameters()
        if not any(parameter.requires_grad for parameter in roots):
            roots.append(x)  # its gradient alone can then make a backward pass come by
        stack.learning = torch.is_grad_enabled() and any(root.requires_grad for root in roots)
        if stack.learning:
            after.pending.add("stack")

            def gradients(r: Tensor) -> list[Tensor]:
                after.settle("stack")
                return stack.learn(r)

            state = cross_sensitivities.Past.apply(gradients, state, *roots)
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
        below = [
            parameter
            for layer in self.layers[:-1]
            for parameter in cross_sensitivities.parameters_below(layer).values()
        ]
        return [*below, *self.layers[-1].parameters]

    def run(self, x: Tensor, state: Tensor) -> Tensor:
        """The stack's output (M, B, ·); keeps every layer's states, and its tape once the backward pass has come by."""
        cell, episodes, h = self.method.cell, self.episodes, x
        for number, layer in enumerate(self.layers):
            start = self.method.rows(state, number)
            if self.learning:
                states = run_segment(cell, layer.parameters, h, episodes, start, partial(self._in_segment, number))
            else:
                self.tapes[number], states = forward_states(cell, layer.parameters, h, episodes, start)
            self.states.append(states.detach())
            h = layer.readout(h, states)
        return h

    def learn(self, r: Tensor) -> list[Tensor]:
        """What the past adds to the gradients, given r (B, L s, N); moves all traces to the segment's end."""
        for trace in self.traces.values():
            clear(trace, self.episodes.first)
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

    def _in_segment(self, number: int, tape: Tape) -> Accumulator:
        self.tapes[number] = tape
        return InSegmentGradient(tape)

    def _transition(self) -> cross_sensitivities.StackTransition:
        return cross_sensitivities.StackTransition(
            [
                cross_sensitivities.LayerSegment.of(layer, self.tapes[number], self.states[number])
                for number, layer in enumerate(self.layers)
            ]
        )
