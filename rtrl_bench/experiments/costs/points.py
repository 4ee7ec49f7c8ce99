"""The points of a study, what is still to be found out at each, and a file that remembers what was, through a kill."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rtrl_bench.costs.predict import Cost, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import Unwritable
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


class Done:
    """What was found out so far, by what it depends on: a line per finding in a file, flushed one by one.

    `setting` is what all of them depend on: versions, device, and so on. A line of another setting is not found.
    """

    def __init__(self, path: Path, setting: Mapping[str, Any]):
        self._path, self._setting = path, dict(setting)
        self._found: dict[str, Any] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                key, value = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed as it wrote
            self._found[key] = value

    def key(self, kind: str, points: Iterable[tuple[str, Sizes]], **options: Any) -> str:
        """Names a finding of `kind` about points (method, sizes)."""
        about = [[method, _relevant(method, sizes)] for method, sizes in points]
        text = json.dumps([kind, about, options, self._setting], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def __getitem__(self, key: str) -> Any:
        return self._found[key]

    def put(self, key: str, value: Any) -> None:
        """Remember what was found."""
        self._found[key] = value
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps([key, value])}\n")  # on its own line, whatever a killed process left there
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unwritable(error.errno, error.strerror, str(self._path)) from error


def _relevant(method: str, sizes: Sizes) -> dict[str, Any]:
    """The sizes that a finding depends on: full BPTT has no segments, and the others do not look at episodes."""
    without = "unroll" if method == "bptt" else "episode"
    return {name: value for name, value in asdict(sizes).items() if name != without}
