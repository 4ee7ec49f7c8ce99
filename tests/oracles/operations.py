"""Counts the operations of PyTorch code while it runs, from the shapes of what every operator is given and returns."""

from __future__ import annotations

import math

from torch.utils._python_dispatch import TorchDispatchMode

_PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "addmv", "mv"}  # sum over the last axis of the first factor
_POINTWISE = {"mul": 1, "add": 1, "addcmul": 2, "lerp": 3, "sum": 1, "div": 1, "pow": 1}


class Operations(TorchDispatchMode):
    """`with Operations() as counted: ...` leaves the number in `counted.total`; a multiply-add is two."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.rstrip("_")
        if name in _PRODUCTS:
            first = args[1] if name.startswith(("add", "badd")) else args[0]
            self.total += 2 * result.numel() * first.shape[-1]
        elif name in _POINTWISE:
            read = args[0].numel() if name == "sum" else math.prod(result.shape)
            self.total += _POINTWISE[name] * read
        return result
