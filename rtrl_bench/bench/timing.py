"""Seconds of work on a device: by CUDA's events on a GPU, by the clock elsewhere; medians of alternating repeats."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping

import torch

REPEATS = 7
TURN_S = 0.1  # so that short work is timed often enough for a steady median; a GPU is steadier

Work = Callable[[], object]


def seconds(work: Work, times: int, device: torch.device) -> list[float]:
    """How long each of `times` calls of `work` took on the device, one right behind the other."""
    if device.type != "cuda":
        return [_by_the_clock(work) for _ in range(times)]
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]
    torch.cuda.synchronize(device)
    marks[0].record()
    for mark in marks[1:]:
        work()
        mark.record()
    torch.cuda.synchronize(device)
    return [before.elapsed_time(after) / 1e3 for before, after in itertools.pairwise(marks)]


def _by_the_clock(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(
    works: Mapping[str, Work], device: torch.device, repeats: int = REPEATS, turn_s: float = TURN_S
) -> dict[str, float]:
    """Median seconds of each, in turns of about `turn_s`, so that whatever else the machine does falls on all alike.

    Two calls of each warm up: kernels are compiled in the first.
    """
    counts = {name: math.ceil(turn_s / max(seconds(work, 2, device)[1], 1e-6)) for name, work in works.items()}
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            found[name] += seconds(work, counts[name], device)
    return {name: statistics.median(values) for name, values in found.items()}
