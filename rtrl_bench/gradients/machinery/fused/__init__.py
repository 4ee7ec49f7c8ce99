"""Segments of element-wise cells by Triton kernels that are written from the cell itself.

    trace.py     runs a cell's `step` and `partials` once and takes down what they compute, number by number
    rules.py     what PyTorch's operators are made of
    program.py   the list of operations that comes of it
    text.py, source.py, advance.py   the text of the kernels: a scan over the steps, one back, one over sensitivities
    kernels.py   the kernels, made when they are first wanted, and their launches
    segment.py   the matrix products around them

They run on CUDA, and on the CPU in Triton's interpreter, for tests, with TRITON_INTERPRET=1 in the environment. The
plain version, in the files beside this folder, is what they are compared with. Nothing in them waits for the device.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from rtrl_bench.cells import Cell, ElementwiseCell

if TYPE_CHECKING:
    from rtrl_bench.gradients.machinery.fused.segment import FusedSegments


def fused(cell: Cell, device: torch.device, dtype: torch.dtype) -> FusedSegments | None:
    """Segments of a cell with numbers of this type on this device.

    None: the plain version runs, see `why_plain`; a warning says so where it could be otherwise.
    """
    reason = why_plain(cell, device, dtype)
    if reason is not None:
        if device.type == "cuda" and isinstance(cell, ElementwiseCell):
            warnings.warn(
                f"{type(cell).__name__} on {device}: no fused kernels, but the plain one: {reason}", stacklevel=2
            )
        return None
    from rtrl_bench.gradients.machinery.fused.segment import segments_of

    assert isinstance(cell, ElementwiseCell)
    return segments_of(cell, dtype)


def why_plain(cell: Cell, device: torch.device, dtype: torch.dtype) -> str | None:
    """Why no fused kernels run the segments of a cell there; None if they do."""
    interpreted = device.type == "cpu" and os.environ.get("TRITON_INTERPRET") == "1"
    if device.type != "cuda" and not interpreted:
        return f"they are for CUDA devices, not {device.type}"
    if not isinstance(cell, ElementwiseCell):
        return f"{type(cell).__name__} is no element-wise cell"
    if dtype not in (torch.float32, torch.float64):
        return f"they are for float32 and float64, not {dtype}"
    return _missing(cell, dtype)


@cache
def _missing(cell: ElementwiseCell, dtype: torch.dtype) -> str | None:
    if find_spec("triton") is None:
        return "Triton is not installed"
    from rtrl_bench.gradients.machinery.fused.segment import segments_of
    from rtrl_bench.gradients.machinery.fused.trace import NotExpressible

    try:
        segments_of(cell, dtype)
    except NotExpressible as reason:
        return f"no kernels can be made of its step and partials: {reason}"
    return None
