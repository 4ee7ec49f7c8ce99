"""How long work takes on a device: by CUDA's events on a GPU, by the clock elsewhere; and how fast it goes on."""

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


def time_when_done(device: torch.device) -> float:
    """`time.perf_counter()` once the device has done all that it was given: what a clock must read of a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


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


def alternating(
    works: Mapping[str, Work],
    device: torch.device,
    repeats: int,
    turn_s: float = 0.0,
    budget_s: float = math.inf,
    least: int = 1,
) -> dict[str, list[float]]:
    """Seconds of every call of each work, in turns, so that whatever else the machine does falls on all alike.

    There are `repeats` turns, each of one call or of about `turn_s` seconds; once `budget_s` seconds are spent, no more
    than `least` of them. Before that, two calls of each warm up: kernels are compiled in the first.
    """
    counts = {name: max(1, math.ceil(turn_s / max(seconds(work, 2, device)[1], 1e-6))) for name, work in works.items()}
    found: dict[str, list[float]] = {name: [] for name in works}
    began = time.perf_counter()
    for repeat in range(repeats):
        if repeat >= least and time.perf_counter() - began > budget_s:
            break
        for name, work in works.items():
            found[name] += seconds(work, counts[name], device)
    return found


def medians(
    works: Mapping[str, Work], device: torch.device, repeats: int = REPEATS, turn_s: float = TURN_S
) -> dict[str, float]:
    """Median seconds of each, alternating in turns of about `turn_s`."""
    return {name: statistics.median(times) for name, times in alternating(works, device, repeats, turn_s).items()}


def calls_per_s(work: Work, for_s: float, device: torch.device, most: float = math.inf) -> float:
    """How often a second `work` can be called: as often as `for_s` allows, once at least and `most` times at most."""
    calls, began = 0, time_when_done(device)
    while calls == 0 or (calls < most and time.perf_counter() - began < for_s):
        work()
        calls += 1
    return calls / (time_when_done(device) - began)
