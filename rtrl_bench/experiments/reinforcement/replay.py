"""CUDA graphs of work on small tensors, which Python takes longer to launch than a GPU to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rtrl_bench.experiments.reinforcement.lane import HIGH_PRIORITY
from rtrl_bench.experiments.reinforcement.transfer import apart
from rtrl_bench.system.output import say

WARM_UP = 3  # calls before the capture, in which libraries make what they keep
Tensors = tuple[Tensor, ...]
_ONE_CAPTURE = threading.Lock()


class Captured(NamedTuple):
    """A launch that computes `outputs` from what is in `inputs`."""

    inputs: Tensors
    outputs: Tensors
    launch: Callable[[], None]


class Replayed:
    """`work(*tensors) -> tensors`, which on a GPU is one launch of a CUDA graph, captured at the first call.

    `work` may read its arguments and tensors that stay in their place. It may not draw random numbers, write to other
    tensors or wait for the device. A replay overwrites what the one before returned. On a CPU `work` is called as it
    is, with the same numbers, and also if CUDA refuses the capture; then a warning says so once.
    """

    def __init__(self, work: Callable[..., Tensors], device: torch.device):
        self._work = work
        self._captured: Captured | None = None
        self._possible = apart(device)

    @property
    def mode(self) -> str:
        """`graph`, or `eager` where the work is called as it is."""
        return "graph" if self._captured else "eager"

    def forget(self) -> None:
        """Capture anew at the next call, as `work` is another one now."""
        self._captured = None

    def run(self, *tensors: Tensor) -> Tensors:
        """What `work` returns for these."""
        if self._possible and self._captured is None:
            try:
                self._captured = capture(self._work, tensors)
            except RuntimeError as error:
                self._possible = False
                say(
                    "warning: acting is slower, as CUDA could not capture a graph of it: "
                    + str(error).partition("\n")[0]
                )
        if self._captured is None:
            return self._work(*tensors)
        for mine, given in zip(self._captured.inputs, tensors, strict=True):
            mine.copy_(given, non_blocking=True)
        self._captured.launch()
        return self._captured.outputs


def capture(work: Callable[..., Tensors], examples: Tensors) -> Captured:
    """Capture `work` on inputs like `examples`; RuntimeError where CUDA refuses it.

    Other threads may use the device meanwhile (a learner beside the actor), but only one captures at a time. A graph
    keeps the priority of the stream that it was captured in.
    """
    inputs = tuple(example.clone() for example in examples)
    with _ONE_CAPTURE:
        stream = torch.cuda.Stream(priority=HIGH_PRIORITY)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                work(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            outputs = work(*inputs)
    return Captured(inputs, outputs, graph.replay)
