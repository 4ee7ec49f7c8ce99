"""LSTM with full recurrent matrices (Hochreiter & Schmidhuber 1997; Gers et al. 2000): the TBPTT baseline."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS, DenseCell, times_matrices


@CELLS.register("lstm")
class LSTM(DenseCell):
    """Gates i, f, g, o over x and h; the state rows are h and c."""

    gates = ("i", "f", "g", "o")
    state = ("h", "c")
    one_map = True
    keeping = "f"

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        h, cell = c.unbind(dim=-2)
        i, f, g, o = (u + times_matrices(w, h)).unbind(dim=-2)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.stack([torch.sigmoid(o) * torch.tanh(cell), cell], dim=-2)
