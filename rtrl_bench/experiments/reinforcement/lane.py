"""A thread for acting beside learning, on a GPU with a stream of its own that goes before the learner's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")
HIGH_PRIORITY = -1  # of a CUDA stream; 0 is the others'


class Lane:
    """Runs pieces of work in a thread, one after the other. Each sees what its caller had the device do before.

    On a GPU the thread has a stream of high priority: a step of acting is short, and must not wait for a whole update.

    threads: of torch on the CPU, for this work; None leaves them as they are.
    """

    def __init__(self, name: str, device: torch.device, threads: int | None = None):
        self._stream = torch.cuda.Stream(device, priority=HIGH_PRIORITY) if device.type == "cuda" else None
        self._thread = ThreadPoolExecutor(1, name)
        if threads is not None:
            self._thread.submit(torch.set_num_threads, threads).result()  # now: the giver's own number comes after it

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """What `work` returns, once the device has computed it too."""
        if self._stream is None:
            return self._thread.submit(work, *arguments)
        return self._thread.submit(self._in_stream, torch.cuda.current_stream().record_event(), work, arguments)

    def _in_stream(self, ready: torch.cuda.Event, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        assert self._stream is not None
        with torch.cuda.stream(self._stream):
            ready.wait()
            result = work(*arguments)
            self._stream.synchronize()
        return result

    def close(self) -> None:
        """End the thread, after the work that it has."""
        self._thread.shutdown()


def take_over(tensors: Iterable[Tensor]) -> None:
    """Call for what another lane made: a GPU uses its memory again only when the caller's work has done with it."""
    for tensor in tensors:
        if tensor.device.type == "cuda":
            tensor.record_stream(torch.cuda.current_stream(tensor.device))
