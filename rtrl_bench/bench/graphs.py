"""What a segment costs where no time is spent on launching kernels: as one captured CUDA graph, beside the floor.

The last section: what goes wrong in a graph can leave a process without its GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rtrl_bench.bench.gradients import BATCHES, HIDDEN, INPUTS, SMALL_TURN_S, TURN_S, UNROLLS, Case, columns, floor
from rtrl_bench.bench.sections import Item, Row, Section, Setup
from rtrl_bench.errors import EnvironmentUnavailable
from rtrl_bench.runs.timing import medians


def measure(setup: Setup, batch: int, hidden: int, unroll: int) -> Row:
    """The row of one size."""
    device = setup.device
    if device.type != "cuda":
        raise EnvironmentUnavailable("graphs are CUDA's; use --device cuda")
    turn_s = SMALL_TURN_S if setup.small else TURN_S[device.type]
    works = {method: Case(method, device, batch, hidden, unroll).graph() for method in ("rtrl", "tbptt")}
    t = medians(works, device, turn_s=turn_s)
    row = {f"{name}_s": value for name, value in t.items()} | floor(device, batch, hidden, unroll, turn_s)
    row |= {"rtrl_per_tbptt": t["rtrl"] / t["tbptt"], "rtrl_per_floor": t["rtrl"] / row["floor_s"]}
    return {"batch": batch, "inputs": INPUTS, "hidden": hidden, "unroll": unroll, "graph": True, **row}


def items(setup: Setup) -> Iterator[Item]:
    """One batch size, every N and M."""
    for hidden in (8,) if setup.small else HIDDEN["cuda"]:
        for unroll in UNROLLS[:1] if setup.small else UNROLLS:
            name = f"B={BATCHES['cuda'][0]} N={hidden} M={unroll}"
            yield Item(name, partial(measure, setup, BATCHES["cuda"][0], hidden, unroll))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    title = f"A segment as one CUDA graph, forward and gradient: median ms. D={INPUTS}, float32"
    return Section(title, items, columns(("rtrl", "tbptt", "floor"), ("rtrl_per_tbptt", "rtrl_per_floor")))
