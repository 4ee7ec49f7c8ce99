"""The complexity study: predicts, counts and measures the points of its sweeps, and writes the tables.

Outputs (columns and units: results/README.md): costs.csv, theory.csv, limits.csv, crossovers.csv, complexity.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs import tables
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.costs.points import Done, Point, points_of
from rtrl_bench.experiments.costs.tasks import Task, tasks_of
from rtrl_bench.runs.device import choose_device, device_name
from rtrl_bench.runs.folder import check_free, move_aside
from rtrl_bench.runs.lock import sole_writer
from rtrl_bench.runs.memory import free_on
from rtrl_bench.runs.process import prepare_process
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.records import (
    git_state,
    machine,
    versions,
    write_json,
)
from rtrl_bench.runs.settings import to_dict

RECORD = "complexity.json"
OUTPUTS = ("costs.csv", "theory.csv", "limits.csv", "crossovers.csv", RECORD)
PART = "points.part"  # the findings of a study that is not finished yet
SHARE_OF_FREE_MEMORY = 0.5
NOTES = (
    "peak_bytes, predicted, counted and measured, are with the parameters and their gradient; peak_ratio is measured / "
    "predicted, over points predicted to take 10 MB and more",
    "measured_peak_bytes: a process of its own with one thread of torch, three segments; on a GPU what torch allocated",
    "measured_step_s: forward and gradient, without an optimiser's step; bptt: an episode of T steps as one segment",
    "JAX (rtrl_dense, rtrl_dense_segment) runs on the CPU, on all cores that the process may use",
)


def run_study(config: ComplexityConfig, out: Path, restart_if_changed: bool = False, wait: bool = False) -> str:
    """Run, or go on with, the study in the folder `out`; returns its result in one line.

    `wait`: if another process is at work in the folder, wait for its end.
    """
    out = out.absolute()
    device = choose_device(config.device)
    with sole_writer(out, wait):
        if _is_complete(out, config, restart_if_changed):
            return f"complexity study in {out} is already complete"
        prepare_process(config.threads)
        setting = {
            "versions": versions(packages=("jax", "jaxlib")),
            **git_state(),
            "device": device.type,
            "device_name": device_name(device),
            "threads": torch.get_num_threads(),
        }
        points = points_of(config)
        done = Done(out / PART, setting)
        seconds = _find_out(tasks_of(config, points, device, _memory(config, device)), done)
        tables.write(config, points, out)
        ratio = tables.peak_ratio(points)
        record = {
            "schema": 1,
            "status": "complete",
            "fingerprint": config.fingerprint(),
            "config": to_dict(config),
            **setting,
            "machine": machine(),
            "wall_s": sum(seconds.values()),
            "seconds": seconds,
            "points": len(points),
            "peak_ratio": ratio,
            "notes": NOTES,
        }
        write_json(out / RECORD, record)
        (out / PART).unlink(missing_ok=True)
    fit = f"; measured / predicted peak memory {ratio['low']:.2f} to {ratio['high']:.2f}" if ratio else ""
    return f"complexity study: {len(points)} points in {record['wall_s']:.0f} s{fit}"


def _is_complete(out: Path, config: ComplexityConfig, restart_if_changed: bool) -> bool:
    """Whether `out` holds the finished study; another configuration's is refused (ConfigError) or set aside."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        fingerprint = str(record["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        if not (out / PART).exists():
            check_free(out, OUTPUTS)
        return False
    if fingerprint == config.fingerprint():
        return all((out / name).exists() for name in OUTPUTS)
    if not restart_if_changed:
        raise ConfigError(
            f"output folder {out} holds a study of another configuration (fingerprint {fingerprint}, this one is "
            f"{config.fingerprint()}): choose another folder, or --restart-if-changed to set that study aside"
        )
    move_aside(out, fingerprint, OUTPUTS)
    return False


def _memory(config: ComplexityConfig, device: torch.device) -> float:
    """Bytes that a point may be predicted to take."""
    if config.memory_gb is not None:
        return config.memory_gb * 1e9
    free = free_on(device)
    return float("inf") if free is None else SHARE_OF_FREE_MEMORY * free


def _find_out(tasks: Sequence[Task], done: Done) -> dict[str, float]:
    """Do what is not done yet, and give the findings to their points; returns the seconds that it took, by kind."""
    by_key: dict[str, list[Task]] = {}  # the same point may be in two sweeps
    for task in tasks:
        by_key.setdefault(task.key(done), []).append(task)
    earlier = sum(key in done for key in by_key)
    with Progress("complexity", len(by_key), earlier, unit="finding") as progress:
        for key, same in by_key.items():
            if key not in done:
                began = time.perf_counter()
                found = same[0].find()
                done.put(key, {"seconds": time.perf_counter() - began, "found": found})
                progress.advance(1, same[0].label)
            for task in same:
                _give(task.points, done[key]["found"])
    seconds = dict.fromkeys((same[0].kind for same in by_key.values()), 0.0)
    for key, same in by_key.items():
        seconds[same[0].kind] += done[key]["seconds"]
    return seconds


def _give(points: Sequence[Point], found: Sequence[dict[str, Any]]) -> None:
    """What was found, column by column; `note` says why something was not."""
    for point, columns in zip(points, found):
        note = columns.get("note")
        if note and note not in point.notes:
            point.notes.append(note)
        point.found |= {name: value for name, value in columns.items() if name != "note"}
