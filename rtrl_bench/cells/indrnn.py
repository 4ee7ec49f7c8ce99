"""IndRNN: independently recurrent units (Li et al. 2018, equation 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, ElementwiseCell


@CELLS.register("indrnn")
class IndRNN(ElementwiseCell):
    """c' = relu(W x + w ⊙ c + b).

    Initialised as the authors' code: W by He's rule with slope 8, b zero, and w in U(0, 1), as their cell class has it.
    Their plain network draws w anew, from U(0, U_bound). They also clip |w| at U_bound in training, 2^(1/T) for
    sequences of T steps, and normalise over the batch; neither is part of the recurrence, and neither is done here.
    """

    gates = ("z",)
    recurrent = ("z",)

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.relu(torch.addcmul(u, w, c))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.partials_(self.step(u, c, w), c, w)

    def step_(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return u.addcmul_(w, c).relu_()

    def partials_(self, activations: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        slope = (activations > 0).to(activations.dtype)
        return tuple(d.unsqueeze(-3) for d in (slope * w, slope, slope * c))  # type: ignore[return-value]

    def initialise(self, weight: Tensor, bias: Tensor, w: Tensor, retention: float | None) -> None:
        nn.init.kaiming_uniform_(weight.flatten(0, 1), a=8)
        nn.init.zeros_(bias)
        nn.init.uniform_(w, 0.0, 1.0)
        if retention is not None:
            steps = w.uniform_(1.0, retention)
            w.copy_(steps / (1 + steps))  # see `retentive_bias_`
