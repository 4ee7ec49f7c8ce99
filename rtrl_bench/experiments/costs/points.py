"""The points of a study, and what was found out of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rtrl_bench.costs.predict import Cost, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs.config import ComplexityConfig, SweepConfig


@dataclass
class Point:
    """A row of costs.csv. `reached`: within `up_to`; `found`: more columns; `notes`: why others are empty."""

    sweep: str
    axis: str
    method: str
    cell: str
    sizes: Sizes
    cost: Cost
    reached: bool
    found: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The value of the axis."""
        return int(getattr(self.sizes, self.axis))

    @property
    def name(self) -> str:
        """The point in a few words, for progress lines."""
        return f"{self.sweep}: {self.method} {self.cell} {self.axis} {self.position}"


def points_of(config: ComplexityConfig) -> list[Point]:
    """Every point of every sweep, predicted, along the axes."""
    return [point for name, sweep in config.sweeps.items() for point in _of_sweep(name, sweep)]


def _of_sweep(name: str, sweep: SweepConfig) -> Iterable[Point]:
    for value in sweep.values:
        for method, cell, up_to in sweep.curves():
            sizes = sweep.sizes(cell, value)
            point = Point(name, sweep.axis, method, cell, sizes, predict(method, sizes), reached=value <= up_to)
            if not point.reached and sweep.want:
                point.notes.append(f"counted and measured up to {sweep.axis} {up_to}")
            yield point
