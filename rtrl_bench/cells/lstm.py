"""LSTM with full recurrent matrices (Hochreiter & Schmidhuber 1997; Gers et al. 2000): the TBPTT baseline."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, Cell, retentive_bias_


@CELLS.register("lstm")
class LSTM(Cell):
    """Gates i, f, g, o over x and h; the state rows are h and c. Not element-wise: TBPTT and BPTT only."""

    gates = ("i", "f", "g", "o")
    state = ("h", "c")

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        return (len(self.gates), hidden, hidden)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        h, cell = c.unbind(dim=-2)
        pre = u + nn.functional.linear(h, w.flatten(0, 1)).unflatten(-1, w.shape[:2])
        i, f, g, o = pre.unbind(dim=-2)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.stack([torch.sigmoid(o) * torch.tanh(cell), cell], dim=-2)

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        bound = w.shape[-1] ** -0.5  # as torch.nn.LSTM
        for parameter in (weight, bias, w):
            nn.init.uniform_(parameter, -bound, bound)
        if retention is not None:
            retentive_bias_(bias[self.gates.index("f")], retention)
