"""What a gradient method takes on this machine: wall time per step, and peak memory in a process of its own."""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs.cases import JAX_METHODS, Case, make_case
from rtrl_bench.runs.process import give_back_freed_memory
from rtrl_bench.runs.timing import alternating
from rtrl_bench.system.machine import peak_resident_bytes, restart_peak

LEAST_REPEATS = 3
SEGMENTS = 3  # of a memory measurement: the first has no earlier carry beside its own
WARM_UPS = (("rtrl", Sizes("elstm", 2, 64, 64, 2, 64, 64)), ("rtrl_dense_segment", Sizes("rnn", 1, 4, 4, 2, 2, 2)))
# Imported once for all processes that measure memory; the last two are what torch loads at its first backward pass and
# at its first use of torch.func: 40 MB that are no method's.
PRELOADED = [__name__, "rtrl_bench.gradients.rtrl", "jax", "torch.fx.experimental.symbolic_shapes", "torch._dynamo"]


@dataclass(frozen=True)
class Timing:
    """Seconds per step of all slots together: median and quartiles of `repeats` segments. Columns of costs.csv."""

    measured_step_s: float
    measured_step_s_low: float
    measured_step_s_high: float
    repeats: int


class NotMeasured(Exception):
    """A measurement that could not be made, and why."""


def step_times(
    points: Mapping[str, tuple[str, Sizes]], device: torch.device, repeats: int, budget_s: float
) -> dict[str, Timing]:
    """Time of every point (method, sizes), by the points' names.

    A segment of each in turn, so that whatever else the machine does falls on all alike: `repeats` times, or as often
    as `budget_s` allows, but three times at least. Two segments of each warm up and do not count.
    """
    cases: dict[str, Case] = {}
    for name, (method, sizes) in points.items():
        cases[name] = make_case(method, sizes, device)
        cases[name].begin()
    works = {name: case.run for name, case in cases.items()}
    seconds = alternating(works, device, repeats, budget_s=budget_s, least=LEAST_REPEATS)
    return {name: timing([each / cases[name].steps for each in seconds[name]]) for name in cases}


def timing(seconds: list[float]) -> Timing:
    """Median and quartiles of measured times."""
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else 3 * seconds
    return Timing(median, low, high, len(seconds))


def peak_bytes(method: str, sizes: Sizes, device: torch.device) -> int:
    """Peak memory of a few segments beyond what the process held before the network was made.

    Of the GPU where the method runs there, else of the process. NotMeasured if the process was killed, as it is when
    memory runs out, or if the system does not tell its peak.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, context) as pool:
        try:
            peak = pool.submit(_peak_bytes_here, method, sizes, device.type).result()
        except BrokenProcessPool as error:
            raise NotMeasured("the process that measured its peak memory was killed") from error
    if peak is None:
        raise NotMeasured("this system does not tell the peak memory of a process (Linux does)")
    return peak


def _peak_bytes_here(method: str, sizes: Sizes, device_type: str) -> int | None:
    device = torch.device(device_type)
    on_gpu = device.type == "cuda" and method not in JAX_METHODS
    torch.set_num_threads(1)  # the buffers of further threads do not belong to the method
    for warm_up in WARM_UPS if method in JAX_METHODS else WARM_UPS[:1]:  # nor does what is set up once
        _run(make_case(*warm_up, device))
    if on_gpu:
        return allocated_peak_bytes(method, sizes, device)
    case = make_case(method, sizes, device)
    give_back_freed_memory()
    held = restart_peak()
    _run(case)
    return None if held is None else peak_resident_bytes() - held


def allocated_peak_bytes(method: str, sizes: Sizes, device: torch.device) -> int:
    """Peak of what torch allocates on a GPU for a few segments beyond what it holds, measured in this process."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _run(make_case(method, sizes, device))
    return int(torch.cuda.max_memory_allocated(device)) - before


def _run(case: Case) -> None:
    case.begin()
    for _ in range(SEGMENTS):
        case.run()
