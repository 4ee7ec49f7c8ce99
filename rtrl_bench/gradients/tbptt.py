"""TBPTT: back-propagation truncated at a window of steps that ends with the segment (Williams & Peng 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Carry, GradientMethod, Layer, RunLayer
from rtrl_bench.gradients.machinery.elementwise import in_segment_gradient
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.tape import autograd_states, learning_states


@GRADIENTS.register("tbptt")
class TBPTT(GradientMethod):
    """Back-propagation through the last `window` steps, at one update per segment.

    window None: the segment itself (the paper's). A longer window replays the inputs before the segment with the
    present parameters, from the state that was there when the window began; their losses are not counted again.
    So the states of a longer window are as fresh as the parameters, where those of the other methods were carried.
    "episode": back to each slot's episode start, which is full BPTT. Replayed inputs get no gradient: what lies below
    the layer is trained inside the segment, as with RTRL.
    """

    def __init__(self, cell: Cell, layers: int = 1, *, window: int | Literal["episode"] | None = None):
        super().__init__(cell, layers)
        if isinstance(window, int) and window < 1:
            raise ConfigError(f"window = {window}: expected an integer >= 1, 'episode' or null")
        self.window = window

    def begin(self, batch: int, layers: Sequence[Layer]) -> Carry:
        carry = super().begin(batch, layers)
        weight = layers[0].parameters.weight
        carry.traces = {
            "x": weight.new_empty(0, batch, weight.shape[2]),  # inputs before the segment, within the window
            "starts": weight.new_empty(0, batch, dtype=torch.bool),
            "start": carry.state,  # the state before the first of them
        }
        return carry

    def segment(self, layers: Sequence[Layer], x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        past, unroll = carry.traces, len(x)
        replayed, start = len(past["x"]), past["start"]
        if replayed:
            until_now = Episodes.of(torch.cat([past["starts"], starts[:1]]))
            x = torch.cat([until_now.dropped(past["x"]), x])  # what episodes held that are over is replayed as zero
            start = until_now.without_past(start)
            starts = torch.cat([past["starts"], starts])
        h, of_layers = self.run_layers(layers, x, start, self._states_of(Episodes.of(starts)))
        states = torch.cat(of_layers, dim=-2)  # (H, B, L s, N)
        drop = len(x) - self.remembered(starts, unroll)
        start = states[drop - 1].clone() if drop else start
        traces = {"x": x[drop:].detach().clone(), "starts": starts[drop:].clone(), "start": start}
        return h[replayed:], Carry(states[-1].clone(), traces)

    def _states_of(self, episodes: Episodes) -> RunLayer:
        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            if isinstance(self.cell, ElementwiseCell):
                return learning_states(self.cell, layer.parameters, x, episodes, state, in_segment_gradient)
            return autograd_states(self.cell, layer.parameters, x, episodes.starts, state)

        return run

    def remembered(self, starts: Tensor, unroll: int) -> int:
        """How many of the steps so far the next segment's window reaches back to; starts (H, B)."""
        if self.window == "episode":  # the steps that every slot has left behind can be forgotten
            return len(starts) - int(Episodes.of(starts).left_behind.all(dim=1).sum())
        if self.window is None:
            return 0
        if int(self.window) < unroll:
            raise ConfigError(f"window = {self.window}: expected at least the segment's {unroll} steps")
        return min(len(starts), int(self.window) - unroll)
