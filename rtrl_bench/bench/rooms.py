"""Speed and memory of the embedded levels, each measured in a process of its own, on one core."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rtrl_bench.bench.sections import Column, Item, Section, Setup
from rtrl_bench.rooms import benchmark
from rtrl_bench.rooms.dmlab_levels import LEVEL_SECONDS


def items(setup: Setup) -> Iterator[Item]:
    """Every level."""
    for level in LEVEL_SECONDS:
        yield Item(level, partial(benchmark.speed_and_memory, level))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    columns = (
        Column("frames_per_s", "steps/s", ",.0f"),
        Column("first_use_s", "first use s"),
        Column("again_s", "again s"),
        Column("peak_bytes", "peak MB", ",.0f", 1e-6),
    )
    title = f"rooms backend, {benchmark.SLOTS} slots, one thread; a step is 4 frames of physics, of which 2 are drawn"
    return Section(title, items, columns, benchmark.REQUIRED)
