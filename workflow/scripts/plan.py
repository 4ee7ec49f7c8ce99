"""What a scale will do here: `python -m workflow.scripts.plan --scale results/<scale>/scale.json --cores N`.

Runs, environment frames and hours, before anything is trained. Speeds are those of finished runs with the same
settings, of any scale beside this one; the others are measured now, a few seconds each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rtrl_bench.config import dump, from_dict, load_yaml
from rtrl_bench.envs import registry

START_SECONDS = 6.0  # Python, torch and the simulator, before the first step
COPY_UPDATES = 20  # of a measurement
_COPY_SIZE = ("max_length", "method", "update", "unroll", "hidden", "batch", "threads", "device")


@dataclass(frozen=True)
class Work:
    """One run as the plan sees it: `amount` of steps or updates; runs with the same `kind` are equally fast."""

    suite: str
    kind: tuple[Any, ...]
    amount: int
    frames: int
    threads: int
    config: Mapping[str, Any]
    done: bool


@dataclass(frozen=True)
class Part:
    """The runs of one suite: how many, how many are finished, frames of all, core hours that are left."""

    name: str
    runs: int
    done: int
    frames: int
    hours: float


def read(folder: Path) -> Work:
    """The run in a folder of results/<scale>/runs or copy_task."""
    values = load_yaml(folder / "config.yaml")
    done = (folder / "run.json").exists()
    if "environment" not in values:
        kind = ("copy_task", *(values.get(key) for key in _COPY_SIZE))
        return Work("copy_task", kind, values["steps"], 0, values["threads"], values, done)
    config = from_dict(values)
    spec = registry.spec(config.environment)
    size = (config.vision, config.features, config.hidden, config.batch, config.unroll)
    kind = (spec.suite, *size, config.threads, config.device)
    frames = config.env_steps * spec.frames_per_step
    return Work(spec.suite, kind, config.env_steps, frames, config.threads, values, done)


def finished_speeds(results: Path) -> Iterator[tuple[tuple[Any, ...], float]]:
    """(kind, steps or updates per second) of every complete run below the results folder."""
    for part in ("runs", "copy_task"):
        for path in sorted(results.glob(f"*/{part}/**/run.json")):
            record = json.loads(path.read_text())
            if record["status"] == "complete":
                amount = record["env_steps"] if part == "runs" else record["updates"]
                yield read(path.parent).kind, amount / record["wall_s"]


def measure(work: Work) -> float:
    """Steps or updates per second, from a short run in a process of its own; RTRL stands for its neighbours."""
    if work.suite == "copy_task":
        return _measure_copy(work.config)
    rtrl = replace(from_dict(work.config), cell="elstm", gradient="rtrl", window=None)
    with tempfile.TemporaryDirectory() as folder:
        return float(json.loads(_call(folder, "speed", dump(rtrl)))["steps_per_s"])


def _measure_copy(config: Mapping[str, Any]) -> float:
    short = {"steps": COPY_UPDATES, "validations": 1, "valid_size": 1, "test_size": 1}
    with tempfile.TemporaryDirectory() as folder:
        _call(folder, "copy-task", yaml.safe_dump({**config, **short}), "--out", folder)
        record = json.loads(Path(folder, "run.json").read_text())
    return float(record["updates"] / record["wall_s"])


def _call(folder: str, command: str, config: str, *words: str) -> str:
    path = Path(folder, "config.yaml")
    path.write_text(config)
    line = [sys.executable, "-m", "rtrl_bench", command, "--config", str(path), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def speeds(waiting: Iterable[Work], results: Path) -> dict[tuple[Any, ...], float]:
    """The slowest known speed of each kind."""
    known: dict[tuple[Any, ...], float] = {}
    for kind, value in finished_speeds(results):
        known[kind] = min(value, known.get(kind, value))
    for work in waiting:
        if work.kind not in known:
            print(f"measuring {' '.join(map(str, work.kind))} ...", file=sys.stderr)
            known[work.kind] = measure(work)
    return known


def parts(folder: Path, runs: Iterable[str], cores: int) -> list[Part]:
    """One Part per suite, in the order of the scale; a run with `threads: 0` takes all cores."""
    suites: dict[str, list[Work]] = {}
    for run in runs:
        work = read(folder / run)
        suites.setdefault(work.suite, []).append(work)
    waiting = [work for works in suites.values() for work in works if not work.done]
    known = speeds(waiting, folder.parent)
    hours = dict.fromkeys(suites, 0.0)
    for work in waiting:
        seconds = START_SECONDS + work.amount / known[work.kind]
        hours[work.suite] += seconds / 3600 * (work.threads or cores)
    return [
        Part(suite, len(works), sum(w.done for w in works), sum(w.frames for w in works), hours[suite])
        for suite, works in suites.items()
    ]


def describe(folder: Path, cores: int) -> str:
    """The plan as text."""
    scale = json.loads((folder / "scale.json").read_text())
    runs = dict.fromkeys(run for study in scale["studies"].values() for run in study)
    rows = parts(folder, [*runs, *scale["copy_task"]], cores)
    lines = [scale["label"], ""]
    lines.append(f"{'suite':<12}{'runs':>6}{'done':>6}{'env frames':>18}{'core hours left':>17}")
    for row in rows:
        lines.append(f"{row.name:<12}{row.runs:>6}{row.done:>6}{row.frames:>18,}{row.hours:>17.2f}")
    left = sum(row.runs - row.done for row in rows)
    hours = sum(row.hours for row in rows) / cores
    lines.append(f"{left} runs, then tables, figures, report: about {hours:.2f} h on {cores} cores")
    for gone in json.loads((folder / "missing.json").read_text()):
        lines.append(f"left out: {gone['name']}: {gone['reason']}. Fix: {gone['fix']}")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m workflow.scripts.plan")
    options.add_argument("--scale", type=Path, required=True, help="results/<scale>/scale.json")
    options.add_argument("--cores", type=int, required=True)
    arguments = options.parse_args()
    print(describe(arguments.scale.parent, arguments.cores))


if __name__ == "__main__":
    main()
