"""The complexity study: predicts, counts and measures the points of its sweeps, and makes the tables.

Outputs (columns and units: results/README.md): costs.csv, theory.csv, limits.csv, crossovers.csv.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.costs.points import Point, points_of
from rtrl_bench.experiments.costs.tables import peak_ratio, tables
from rtrl_bench.experiments.costs.tasks import Task, tasks_of
from rtrl_bench.runs import records
from rtrl_bench.runs.device import device_name
from rtrl_bench.runs.memory_limit import free_on
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.work import Result, Work

SHARE_OF_FREE_MEMORY = 0.5
NOTES = (
    "peak_bytes, predicted, counted and measured, are with the parameters and their gradient; peak_ratio is measured / "
    "predicted, over points predicted to take 10 MB and more",
    "measured_peak_bytes: a process of its own with one thread of torch, three segments; on a GPU what torch allocated",
    "measured_step_s: forward and gradient, without an optimiser's step; bptt: an episode of T steps as one segment",
    "counted: the operators of torch on the CPU; of rtrl_dense_segment, which is JAX on the CPU, by the XLA compiler",
)


class CostStudy(Work):
    """A study in progress: an update finds one thing out. Points of several sweeps are looked at once."""

    stops_at_once = True

    def __init__(self, config: ComplexityConfig, device: torch.device):
        self.config, self.device = config, device
        self.versions = records.versions(packages=("jax", "jaxlib"))
        setting = {
            "versions": self.versions,
            **records.git_state(),
            "device": device.type,
            "device_name": device_name(device),
            "threads": torch.get_num_threads(),
        }
        self.points = points_of(config)
        self.done: dict[str, Any] = {}  # by the names of what it depends on
        self.tasks: dict[str, list[Task]] = {}
        for task in tasks_of(config, self.points, device, _memory(config, device)):
            self.tasks.setdefault(task.key(setting), []).append(task)

    @property
    def left(self) -> list[str]:
        """The names of what is still to be found out."""
        return [key for key in self.tasks if key not in self.done]

    def updates_made(self) -> int:
        """Findings, those of earlier settings included."""
        return len(self.done)

    def update(self) -> None:
        """Find the next thing out."""
        key = self.left[0]
        began = time.perf_counter()
        found = self.tasks[key][0].find()
        self.done[key] = {"seconds": time.perf_counter() - began, "found": found}

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Find everything out, or what comes before `should_stop()`."""
        left = self.left
        with Progress(self.config.label, len(self.tasks), len(self.tasks) - len(left), unit="finding") as progress:
            for key in left:
                if should_stop():
                    return
                self.update()
                progress.advance(1, self.tasks[key][0].label)
                after_update()

    def state(self) -> dict[str, Any]:
        """The findings."""
        return {"found": self.done}

    def restore(self, state: dict[str, Any]) -> str:
        """Findings of other versions, devices or revisions are of no use here."""
        self.done.update(state["found"])
        return f"with {len(self.tasks) - len(self.left)} of {len(self.tasks)} findings"

    def result(self) -> Result:
        """The tables, and what is to be known of their making."""
        seconds = {same[0].kind: 0.0 for same in self.tasks.values()}
        for key, same in self.tasks.items():
            seconds[same[0].kind] += self.done[key]["seconds"]
            for task in same:
                _give(task.points, self.done[key]["found"])
        record = {
            "versions": self.versions,
            "wall_s": sum(seconds.values()),
            "seconds": seconds,
            "points": len(self.points),
            "peak_ratio": peak_ratio(self.points),
            "notes": NOTES,
        }
        return Result(tables(self.config, self.points), record)


def _memory(config: ComplexityConfig, device: torch.device) -> float:
    """Bytes that a point may be predicted to take."""
    if config.memory_gb is not None:
        return config.memory_gb * 1e9
    free = free_on(device)
    return float("inf") if free is None else SHARE_OF_FREE_MEMORY * free


def _give(points: Sequence[Point], found: Sequence[dict[str, Any]]) -> None:
    """What was found, column by column; `note` says why something was not."""
    for point, columns in zip(points, found):
        note = columns.get("note")
        if note and note not in point.notes:
            point.notes.append(note)
        point.found |= {name: value for name, value in columns.items() if name != "note"}
