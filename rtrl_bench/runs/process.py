"""What a process sets before it trains: torch's threads, and how the C library treats freed memory."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from rtrl_bench.system.machine import restart_peak

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # <malloc.h> of glibc
FLOPS_PER_THREAD = 20_000_000  # of a segment's forward pass: with less, a second thread gains nothing


def prepare_process(threads: int) -> None:
    """Set torch's CPU threads (0: as many as it has) and keep freed memory for the next segment.

    Peaks of memory count from here, and torch gives back the GPU memory that a run before has left.
    """
    if threads:
        torch.set_num_threads(threads)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    restart_peak()
    _keep_freed_memory()


@contextmanager
def own_threads() -> Iterator[None]:
    """Whatever number of torch's threads is set inside, behind it is the one of before."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_worthwhile_threads(forward: Callable[[], object], times: int, device: torch.device) -> None:
    """Set torch's threads to as many as pay off for a segment that does the work of `forward` `times` times.

    A small network is no faster with several threads, and on a busy machine they wait for each other: a segment of 64
    units then takes several times as long as with one. Beside a GPU one is enough.
    """
    if device.type == "cuda":
        torch.set_num_threads(1)
        return
    with _Products() as products:
        forward()
    torch.set_num_threads(max(1, min(torch.get_num_threads(), times * products.flops // FLOPS_PER_THREAD)))


class _Products(TorchFunctionMode):
    """Counts the operations of products of matrices and of convolutions.

    Not torch's FlopCounterMode, which imports its compiler: four seconds of a core, more than many runs train for.
    """

    flops = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is functional.linear:
            self.flops += 2 * args[0].numel() * args[1].shape[0]
        elif func is functional.conv2d:
            self.flops += 2 * result.numel() * args[1][0].numel()
        elif func in (torch.bmm, torch.matmul, Tensor.matmul, Tensor.__matmul__):
            self.flops += 2 * args[0].numel() * args[1].shape[-1]
        return result


def _keep_freed_memory() -> None:
    """Reuse the activations' memory from segment to segment; does nothing without glibc.

    By default glibc returns large freed blocks at once, so that every segment faults its pages in anew. Measured on one
    core with the Nature stem: Breakout 914 -> 1 057 and Chaser 2 797 -> 3 326 env steps/s.
    """
    _set_malloc(mmap_threshold=1 << 30, trim_threshold=2**31 - 1)


def give_back_freed_memory() -> None:
    """The contrary: all but small blocks go back at once, so that the process holds what is in use and no more."""
    _set_malloc(mmap_threshold=1 << 16, trim_threshold=1 << 16)


def _set_malloc(mmap_threshold: int, trim_threshold: int) -> None:
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, mmap_threshold)
        libc.mallopt(M_TRIM_THRESHOLD, trim_threshold)
        libc.malloc_trim(0)
