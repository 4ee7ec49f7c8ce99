"""What crosses between the simulator and the network at every step: one copy each way, from and into pinned memory.

Arrays live on the host, where simulators make and read them. On a CPU nothing is copied at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ALIGNMENT = 16  # bytes, at which each array in a common buffer begins


def apart(device: torch.device) -> bool:
    """Whether the device has a memory of its own, and works while the host goes on."""
    return device.type != "cpu"


class ToDevice:
    """Brings arrays, of the same shapes and types at every call, to a device, all of them in one copy.

    The next call overwrites what it returned. On a CPU the tensors share the arrays' memory.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._copied = torch.cuda.Event() if apart(device) else None
        self._host = self._there = torch.empty(0)
        self._staged: list[Tensor] = []
        self._tensors: list[Tensor] = []

    def __call__(self, *arrays: np.ndarray) -> tuple[Tensor, ...]:
        """The arrays as tensors on the device."""
        given = tuple(map(torch.from_numpy, arrays))
        if self._copied is None:
            return given
        if not self._staged:
            self._prepare(given)
        self._copied.synchronize()  # a copy that is still under way reads what is written next
        for staged, tensor in zip(self._staged, given, strict=True):
            np.copyto(staged.numpy(), tensor.numpy())  # torch would wake its threads, beside those of the simulator
        self._there.copy_(self._host, non_blocking=True)
        self._copied.record()
        return tuple(self._tensors)

    def _prepare(self, given: Sequence[Tensor]) -> None:
        size = sum(map(_padded_bytes, given))
        self._host = _pinned(torch.empty(size, dtype=torch.uint8))
        self._there = torch.empty(size, dtype=torch.uint8, device=self._device)
        self._staged, self._tensors = side_by_side(self._host, given), side_by_side(self._there, given)


class FromDevice:
    """Brings a tensor of the same shape at every call to the host, where it is overwritten by the next one."""

    def __init__(self, device: torch.device):
        self._arrived = torch.cuda.Event() if apart(device) else None
        self._host = torch.empty(0)

    def send(self, tensor: Tensor) -> None:
        """Have it copied once it is computed."""
        if self._arrived is None:
            self._host = tensor
            return
        if not self._host.numel():
            self._host = _pinned(torch.empty(tensor.shape, dtype=tensor.dtype))
        self._host.copy_(tensor, non_blocking=True)
        self._arrived.record()

    def wait(self) -> np.ndarray:
        """What was sent last, when it is there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._host.numpy()


def side_by_side(buffer: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Views of a buffer of bytes as tensors of these shapes, types and orders of dimensions, one behind the other."""
    views, first = [], 0
    for tensor in like:
        size = tensor.numel() * tensor.element_size()
        dense = torch.empty_like(tensor, device="meta").stride()
        views.append(buffer[first : first + size].view(tensor.dtype).as_strided(tensor.shape, dense))
        first += _padded_bytes(tensor)
    return views


def _padded_bytes(tensor: Tensor) -> int:
    size = tensor.numel() * tensor.element_size()
    return -(-size // ALIGNMENT) * ALIGNMENT


def _pinned(tensor: Tensor) -> Tensor:
    """In memory that a device copies from and to by itself."""
    return tensor.pin_memory()
