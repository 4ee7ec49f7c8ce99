"""Operations for which the host waits until a device has done all before them, as their results are looked at."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode

WAITED_FOR = {"_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2"}


class Waits(TorchDispatchMode):
    """Lists them by name, on whatever device. Copies to the host are not among them."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        name = operation.__name__.split(".")[0]
        if name in WAITED_FOR:
            self.found.append(name)
        return operation(*arguments, **(keywords or {}))
