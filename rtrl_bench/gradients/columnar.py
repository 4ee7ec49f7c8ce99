"""Columnar-constructive networks: units apart from each other, grown in stages (Javed et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS, Carry, Layer, RunLayer
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.tape import forward_states
from rtrl_bench.gradients.rtrl import SegmentWise


@GRADIENTS.register("columnar")
class Columnar(SegmentWise):
    """Layer after layer is grown, trained by exact RTRL for an equal share of the budget, and then frozen.

    A layer's units ("columns") do not see each other. They read the stack's input and the outputs of all layers below,
    which are fixed features by then, so one group of sensitivities is all there ever is. The stack's output is that of
    all layers side by side, zero where one has not grown yet. The gradient of the layer in training is exact; the
    layers below have none, and the stack's input gets that of the layer in training alone, within the segment. An
    output gate over all units of a layer, as the eLSTM's, is outside of the recurrence and leaves the columns apart.
    """

    @property
    def grown(self) -> int:
        return min(self.layers, 1 + int(self.progress * self.layers))

    def input_size(self, inputs: int, below: Sequence[int]) -> int:
        return inputs + sum(below)

    def output_size(self, outputs: Sequence[int]) -> int:
        return sum(outputs)

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry, newest = Carry(self.zero_state(batch, layers)), self.grown - 1
        self.begin_layer(carry, newest, layers[newest])
        return carry

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        after, episodes, newest = carry.begin_segment(), Episodes.of(starts), self.grown - 1
        if f"{newest}.weight" not in after.traces:  # it grows now: nothing that it did lies behind it
            after.traces = {}
            self.begin_layer(after, newest, layers[newest])

        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            if number == newest:
                return self.layer_states(number, layer, x, episodes, state, after)
            return forward_states(self.cell, layer.parameters, x, episodes, state)[1]

        h, states = self.run_layers(layers, x, carry.state, run)
        after.state = torch.cat([of_layer[-1] for of_layer in states], dim=-2)
        return h, after

    def run_layers(
        self, layers: Sequence[Layer], x: Tensor, state: Tensor, run: RunLayer
    ) -> tuple[Tensor, list[Tensor]]:
        """As in a stack, but a layer reads x and all outputs below it, and only the newest layer learns.

        The output is that of all layers side by side. Output and states of layers that have not grown yet are zero.
        """
        outputs: list[Tensor] = []
        found: list[Tensor] = []
        for number, layer in enumerate(layers[: self.grown]):
            read = torch.cat([x, *outputs], dim=-1)
            with torch.set_grad_enabled(torch.is_grad_enabled() and number == self.grown - 1):
                states = run(number, layer, read, self.rows(state, number))
                outputs.append(layer.readout(read, states))
            found.append(states.detach())
        missing = len(layers) - self.grown
        found += missing * [torch.zeros_like(found[0])]
        return torch.cat([*outputs, *missing * [torch.zeros_like(outputs[0])]], dim=-1), found
