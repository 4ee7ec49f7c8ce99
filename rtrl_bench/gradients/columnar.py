"""Columnar-constructive networks: units apart from each other, grown in stages (Javed et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.gradients import GRADIENTS, Carry, Layer
from rtrl_bench.gradients.machinery.elementwise import forward_states
from rtrl_bench.gradients.machinery.episodes import Episodes
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

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        newest = self.grown - 1
        return Carry(self.zero_state(batch, layers), self.no_sensitivities(batch, newest, layers[newest]))

    def feed(self, x: Tensor, outputs: Sequence[Tensor]) -> Tensor:
        return torch.cat([x, *outputs], dim=-1)

    def gather(self, outputs: Sequence[Tensor]) -> Tensor:
        missing = self.layers - len(outputs)
        return torch.cat([*outputs, *missing * [torch.zeros_like(outputs[0])]], dim=-1)

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        after = carry.claim()
        episodes = Episodes(starts)
        newest = self.grown - 1
        after.state = torch.zeros_like(carry.state)
        if f"{newest}.weight" not in after.traces:  # it grows now: nothing that it did lies behind it
            after.traces = self.no_sensitivities(x.shape[1], newest, layers[newest])
        outputs: list[Tensor] = []
        for number, layer in enumerate(layers[: self.grown]):
            read = self.feed(x, outputs)
            start = self.rows(carry.state, number)
            if number < newest:
                with torch.no_grad():
                    _, states = forward_states(self.cell, layer.parameters, read, episodes, start)
                    outputs.append(layer.readout(read, states))
            else:
                states = self.layer_states(number, layer.parameters, read, episodes, start, after)
                outputs.append(layer.readout(read, states))
            self.rows(after.state, number).copy_(states[-1].detach())
        return self.gather(outputs), after
