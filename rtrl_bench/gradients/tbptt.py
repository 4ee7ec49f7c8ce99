"""TBPTT: back-propagation truncated at a window of steps that ends with the segment (Williams & Peng 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from rtrl_bench.cells import Cell, ElementwiseCell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Carry, GradientMethod, Layer
from rtrl_bench.gradients.machinery.elementwise import in_segment_gradient
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.tape import autograd_states, learning_states


@GRADIENTS.register("tbptt")
class TBPTT(GradientMethod):
    """Back-propagation through the last `window` steps, with one update per segment, for any cell.

    Equals full BPTT in which the state before those steps is a constant: it drops all that the parameters did earlier.

    window: None for the segment itself, as in the paper. With more steps the inputs before the segment are replayed
        from the state that stood there. They run through the present parameters, so their states are fresh, where
        other methods carry old ones. Their losses are not counted again, and they get no gradient: what lies below the
        stack is trained inside the segment, as with RTRL. The segments have to be of one length: a shorter one reaches
        less far back, and a longer one than the segment before it is refused where it would reach further. "episode"
        takes any, and goes back to the start of each slot's episode, which is full BPTT.
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
        unroll, replayed, start = len(x), len(carry.traces["x"]), carry.traces["start"]
        if isinstance(self.window, int) and replayed + unroll > self.window:
            more = f" and the {replayed} to be replayed; give all segments the same length" if replayed else ""
            raise ConfigError(f"window = {self.window}: expected at least the segment's {unroll} steps{more}")
        if replayed:
            x, starts, start = _behind(carry.traces, x, starts)
        episodes = Episodes.of(starts)

        def run(number: int, layer: Layer, x: Tensor, state: Tensor) -> Tensor:
            if isinstance(self.cell, ElementwiseCell):
                return learning_states(self.cell, layer.parameters, x, episodes, state, in_segment_gradient)
            return autograd_states(self.cell, layer.parameters, x, starts, state)

        h, of_layers = self.run_layers(layers, x, start, run)
        states = torch.cat(of_layers, dim=-2)  # (H, B, L s, N), of the H steps of the window
        drop = len(x) - self.remembered(starts, unroll)
        start = states[drop - 1].clone() if drop else start
        traces = {"x": x[drop:].detach().clone(), "starts": starts[drop:].clone(), "start": start}
        return h[replayed:], Carry(states[-1].clone(), traces)

    def remembered(self, starts: Tensor, unroll: int) -> int:
        """How many of the steps so far the next segment's window reaches back to; starts (H, B)."""
        if self.window == "episode":  # the steps that every slot has left behind can be forgotten
            return len(starts) - int(Episodes.of(starts).left_behind.all(dim=1).sum())
        if self.window is None:
            return 0
        return min(len(starts), int(self.window) - unroll)


def _behind(past: dict[str, Tensor], x: Tensor, starts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x and starts (M, B, ...) behind those to be replayed, and the state before them all.

    What belongs to episodes that are over is replayed as zero: it has no part in the gradient, and may not be finite.
    """
    until_now = Episodes.of(torch.cat([past["starts"], starts[:1]]))
    x = torch.cat([until_now.dropped(past["x"]), x])
    return x, torch.cat([past["starts"], starts]), until_now.without_past(past["start"])
