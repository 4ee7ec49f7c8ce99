"""Non-linear RTU: recurrent trace units with the relu inside the recurrence (Elelimy et al. 2024, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import CELLS
from rtrl_bench.cells.rtu import RTU


@CELLS.register("rtu_nonlinear")
class NonlinearRTU(RTU):
    """The RTU with the non-linearity inside of the recurrence: c' = relu of the linear one's c'."""

    def step(self, u: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.relu(super().step(u, c, w))

    def partials(self, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lets_pass = (super().step(u, c, w) > 0).to(u.dtype).unsqueeze(-2)
        lam, alpha, omega = super().partials(u, c, w)
        return lets_pass * lam, lets_pass * alpha, omega.mul_(lets_pass)
