"""What decays towards zero becomes zero before it is subnormal.

A number below the smallest normal one (1.2e-38 in float32) is subnormal, and many CPUs take some hundred times as long
for an operation on it. Products of many λ < 1 get there, and with λ > 1/2 rounding keeps them there for good. So they
are swept now and then: set to zero where they have become so small that the next factors would take them there. This
needs no flag of the processor, which would be the caller's, and would hold in one thread alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

SWEEP_STEPS = 8  # time steps between two sweeps of what is multiplied by λ at each
SWEEP_SEGMENTS = 16  # segments between two sweeps of the sensitivities, which takes a pass through memory
NEGLIGIBLE = {dtype: torch.finfo(dtype).tiny / torch.finfo(dtype).eps for dtype in (torch.float32, torch.float64)}


def sweep(values: Tensor) -> None:
    """Set to zero, in place, what is below 1e-31 (float32) or 1e-292 (float64) in size; on a CPU alone."""
    if values.device.type == "cpu" and values.dtype in NEGLIGIBLE:
        torch.ops.aten.hardshrink(values, NEGLIGIBLE[values.dtype], out=values)


def swept(values: Tensor) -> Tensor:
    """A copy of `values` after `sweep`."""
    values = values.clone()
    sweep(values)
    return values
