"""The simple recurrent network with a full recurrent matrix (Elman 1990)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS, DenseCell, times_matrices


@CELLS.register("rnn")
class RNN(DenseCell):
    """h' = tanh(W x + U h + b). It has no gate, and so no `retention`."""

    gates = ("h",)
    state = ("h",)
    one_map = True
    retentive = False

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.tanh(u + times_matrices(w, c[..., 0, :]))
