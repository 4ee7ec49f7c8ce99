"""What there is to find out about the points of a study: counts, wall times, peak memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import torch

from rtrl_bench.experiments.costs import measure
from rtrl_bench.experiments.costs.cases import JAX_METHODS, counts, refusal
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.costs.points import Point

Found = dict[str, Any]  # columns of costs.csv, and perhaps a `note`


@dataclass(frozen=True)
class Task:
    """One thing to find out about one point, or about several that are timed in turn."""

    kind: str
    points: Sequence[Point]
    find: Callable[[], list[Found]]  # point by point
    options: dict[str, Any] = field(default_factory=dict)

    def key(self, setting: Mapping[str, Any]) -> str:
        """The name of the finding: the same for the same points of two sweeps.

        `setting`: what all findings depend on: versions, device, and so on. What was found in another one has other
        names.
        """
        about = [[point.method, _relevant(point)] for point in self.points]
        text = json.dumps([self.kind, about, self.options, setting], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def label(self) -> str:
        """For the progress line."""
        first = self.points[0]
        who = first.method if len(self.points) == 1 else f"{len(self.points)} methods"
        return f"{self.kind} {first.sweep}: {who}, {first.axis} = {first.position}"


def _relevant(point: Point) -> Found:
    """The sizes that a finding depends on: full BPTT has no segments, and the others do not look at episodes."""
    without = "unroll" if point.method == "bptt" else "episode"
    return {name: value for name, value in asdict(point.sizes).items() if name != without}


def tasks_of(config: ComplexityConfig, points: Sequence[Point], device: torch.device, memory: float) -> list[Task]:
    """Everything to find out. Points predicted to take more than `memory` bytes get a note instead."""
    tasks: list[Task] = []
    for (sweep, _), group in groupby(points, key=lambda point: (point.sweep, point.position)):
        want = config.sweeps[sweep].want
        reached = list(_possible([point for point in group if point.reached], memory)) if want else []
        if "counted" in want:
            tasks += [Task("counted", [point], partial(_counted, point)) for point in reached]
        if "memory" in want:
            tasks += [Task("memory", [point], partial(_memory, point, device)) for point in reached]
        if "time" in want:
            options = {"repeats": config.repeats, "seconds": config.seconds}
            for part in _together(reached, memory):
                tasks.append(Task("time", part, partial(_times, part, device, config.repeats, config.seconds), options))
    return tasks


def _possible(points: Iterable[Point], memory: float) -> Iterator[Point]:
    """Those of the points that can be run here; the others get a note."""
    for point in points:
        reason = refusal(point.method, point.sizes)
        if reason is None and point.cost.peak_bytes > memory:
            needed, allowed = (f"{amount / 1e9:.3g} GB" for amount in (point.cost.peak_bytes, memory))
            reason = f"predicted to take {needed}, more than the {allowed} allowed"
        if reason is None:
            yield point
        else:
            point.notes.append(f"neither counted nor measured: {reason}")


def _together(points: Sequence[Point], memory: float) -> Iterator[list[Point]]:
    """The points in parts that fit into memory at the same time, to be timed in turn: usually all of them."""
    part: list[Point] = []
    for point in sorted(points, key=lambda point: point.cost.peak_bytes):
        if part and sum(other.cost.peak_bytes for other in (*part, point)) > memory:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _counted(point: Point) -> list[Found]:
    found = counts(point.method, point.sizes)
    return [{f"counted_{name}": value for name, value in vars(found).items()}]


def _memory(point: Point, device: torch.device) -> list[Found]:
    try:
        peak = measure.peak_bytes(point.method, point.sizes, device)
    except measure.NotMeasured as error:
        return [{"note": f"no measured memory: {error}"}]
    return [{"measured_peak_bytes": peak, **_measured_by(point, device)}]


def _times(points: Sequence[Point], device: torch.device, repeats: int, seconds: float) -> list[Found]:
    named = {str(number): (point.method, point.sizes) for number, point in enumerate(points)}
    times = measure.step_times(named, device, repeats, seconds)
    return [{**vars(timing), **_measured_by(point, device)} for point, timing in zip(points, times.values())]


def _measured_by(point: Point, device: torch.device) -> Found:
    if point.method in JAX_METHODS:
        return {"implementation": "jax", "device": "cpu"}
    return {"implementation": "torch", "device": device.type}
