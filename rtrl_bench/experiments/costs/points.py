"""The points of a study, and what was found out of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
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


def key_of(
    setting: Mapping[str, Any], kind: str, points: Iterable[tuple[str, Sizes]], options: Mapping[str, Any]
) -> str:
    """The name of a finding of `kind` about points (method, sizes): the same for the same points of two sweeps.

    `setting`: what all findings depend on: versions, device, and so on. What was found in another one has other names.
    """
    about = [[method, _relevant(method, sizes)] for method, sizes in points]
    text = json.dumps([kind, about, options, setting], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _relevant(method: str, sizes: Sizes) -> dict[str, Any]:
    """The sizes that a finding depends on: full BPTT has no segments, and the others do not look at episodes."""
    without = "unroll" if method == "bptt" else "episode"
    return {name: value for name, value in asdict(sizes).items() if name != without}
