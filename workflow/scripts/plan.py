"""What a scale will do here: `python -m workflow.scripts.plan --scale results/<scale>/scale.json --cores N`.

Runs, environment frames and hours, before anything is trained. Speeds are those of finished runs with the same
settings, of any scale beside this one. Where there are none, one run is measured for all of its family.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rtrl_bench.complexity.config import ComplexityConfig
from rtrl_bench.config import RunConfig, from_dict
from rtrl_bench.diagnostics.copy_config import CopyConfig
from rtrl_bench.envs import registry
from rtrl_bench.settings import build
from rtrl_bench.yaml_files import load_yaml
from workflow.scripts.scales import Missing, explain
from workflow.scripts.speeds import finished, measure

START_SECONDS = 4.0  # of a run, before its first step: Python, torch, the simulator
EVALUATION = 0.5  # what an evaluation step costs, in training steps


class Kind(NamedTuple):
    """Runs of one kind are equally fast. `family` is all that counts when one run is measured for others."""

    family: tuple[str, ...]
    sizes: tuple[Any, ...]


@dataclass(frozen=True)
class Work:
    """One run as the plan sees it. `amount`: training steps or updates, with the evaluation's at its longest."""

    suite: str
    kind: Kind
    amount: float
    frames: int
    config: RunConfig | CopyConfig
    done: bool


@dataclass(frozen=True)
class Part:
    """The runs of one suite: how many, how many are finished, frames of all, core hours that are left."""

    name: str
    runs: int
    done: int
    frames: int
    hours: float


class Speed(NamedTuple):
    """Steps or updates per second, and where that is known from."""

    per_s: float
    source: str


def read(folder: Path) -> Work:
    """The run in a folder of results/<scale>/runs or copy_task."""
    values = load_yaml(folder / "config.yaml")
    done = (folder / "run.json").exists()
    if "environment" not in values:
        copy: CopyConfig = build(CopyConfig, values)
        kind = Kind(
            ("copy task", copy.method, f"length {copy.max_length}"),
            (copy.update, copy.unroll, copy.hidden, copy.batch, copy.threads, copy.device),
        )
        return Work("copy_task", kind, copy.steps, 0, copy, done)
    run = from_dict(values)
    spec = registry.spec(run.environment)
    kind = Kind(
        (spec.suite, f"vision {run.vision}{', frozen' if run.pretrained else ''}", f"cell {run.cell}"),
        (run.method, run.features, run.hidden, run.batch, run.unroll, run.threads, run.device),
    )
    frames = run.env_steps * spec.frames_per_step
    limits = [limit for limit in (run.evaluation.max_steps, spec.episode_limit) if limit]
    evaluation = run.evaluation.sets * run.evaluation.episodes * min(limits, default=0)
    return Work(spec.suite, kind, run.env_steps + EVALUATION * evaluation, frames, run, done)


def speeds(waiting: Iterable[Work], results: Path, cores: int) -> dict[Kind, Speed]:
    """The slowest known speed of each kind, or one measured for its family."""
    known: dict[Kind, float] = {}
    for folder, per_s in finished(results):
        kind = read(folder).kind
        known[kind] = min(per_s, known.get(kind, per_s))
    measured: dict[tuple[str, ...], float] = {}
    found = {}
    for work in waiting:
        family = work.kind.family
        if work.kind in known:
            found[work.kind] = Speed(known[work.kind], "finished runs")
            continue
        if family not in measured:
            print(f"measuring {', '.join(family)}", file=sys.stderr)
            measured[family] = measure(work.config, cores)
        found[work.kind] = Speed(measured[family], "measured now")
    return found


def parts(works: Iterable[Work], known: Mapping[Kind, Speed], cores: int) -> list[Part]:
    """One Part per suite, in the order of the scale; a run with `threads: 0` takes all cores."""
    suites: dict[str, list[Work]] = {}
    for work in works:
        suites.setdefault(work.suite, []).append(work)
    hours = dict.fromkeys(suites, 0.0)
    for suite, those in suites.items():
        for work in those:
            if not work.done:
                seconds = START_SECONDS + work.amount / known[work.kind].per_s
                hours[suite] += seconds / 3600 * (work.config.threads or cores)
    return [
        Part(suite, len(those), sum(w.done for w in those), sum(w.frames for w in those), hours[suite])
        for suite, those in suites.items()
    ]


def describe(folder: Path, cores: int) -> str:
    """The plan as text."""
    scale = json.loads((folder / "scale.json").read_text())
    runs = dict.fromkeys(run for study in scale["studies"].values() for run in study)
    works = [read(folder / run) for run in (*scale["pretraining"], *runs, *scale["copy_task"])]
    known = speeds([work for work in works if not work.done], folder.parent, cores)
    rows = parts(works, known, cores)
    lines = [scale["label"], ""]
    lines.append(f"{'suite':<12}{'runs':>6}{'done':>6}{'env frames':>18}{'core hours left':>17}")
    for row in rows:
        lines.append(f"{row.name:<12}{row.runs:>6}{row.done:>6}{row.frames:>18,}{row.hours:>17,.2f}")
    left = sum(row.runs - row.done for row in rows)
    hours = sum(row.hours for row in rows) / cores
    lines.append(f"{left} runs, then tables, figures, report: about {hours:,.2f} h on {cores} cores")
    if scale.get("complexity"):
        lines.append(_describe_costs(folder / scale["complexity"]))
    lines += _describe_speeds(known)
    missing = [Missing(**one) for one in json.loads((folder / "missing.json").read_text())]
    if missing:
        lines += ["", f"left out: {explain(missing)}"]
    return "\n".join(lines)


def _describe_costs(folder: Path) -> str:
    """The study of what the gradient methods cost, in a line."""
    config: ComplexityConfig = build(ComplexityConfig, load_yaml(folder / "config.yaml"))
    points = sum(len(sweep.values) * len(list(sweep.curves())) for sweep in config.sweeps.values())
    state = "finished" if (folder / "complexity.json").exists() else "some minutes on all cores, not counted here"
    return f"study of costs: {points} points, {state}"


def _describe_speeds(known: Mapping[Kind, Speed]) -> list[str]:
    """A line per family and source."""
    families: dict[tuple[str, str], list[float]] = {}
    for kind, speed in known.items():
        families.setdefault((", ".join(kind.family), speed.source), []).append(speed.per_s)
    lines = ["", "steps or updates a second, one run (its evaluation is counted at its longest):"] if known else []
    for (family, source), values in families.items():
        low, high = f"{min(values):,.0f}", f"{max(values):,.0f}"
        lines.append(f"  {family}: {low if low == high else f'{low}–{high}'} ({source})")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m workflow.scripts.plan")
    options.add_argument("--scale", type=Path, required=True, help="results/<scale>/scale.json")
    options.add_argument("--cores", type=int, required=True)
    arguments = options.parse_args()
    print(describe(arguments.scale.parent, arguments.cores))


if __name__ == "__main__":
    main()
