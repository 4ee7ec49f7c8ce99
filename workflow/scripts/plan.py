"""What a scale will do here: `python -m workflow.scripts.plan --settings JSON --cores N`.

Runs, environment frames and hours, before anything is trained. Speeds are those of finished runs with the same
settings, of any scale beside this one. Where there are none, one run is measured for all of its kind.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rtrl_bench.envs import registry
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.system.output import own_the_standard_streams
from workflow.scripts import estimates, inputs
from workflow.scripts.scales import CopyRun, CostStudy, Scale, explain, load_scale
from workflow.scripts.speeds import measure, records
from workflow.scripts.studies import Run

START_SECONDS = 4.0  # of a run, before its first step: Python, torch, the simulator
EVALUATION = 0.5  # what an evaluation step costs, in training steps
POINT_SECONDS = 0.8  # of a point of the study of costs, about, on all cores


class Kind(NamedTuple):
    """Runs of one kind are about equally fast: they differ in level or game, segment length, budget and seed alone."""

    title: tuple[str, ...]
    sizes: tuple[int | str, ...]


class Speed(NamedTuple):
    """Steps or updates per second, and where that is known from."""

    per_s: float
    source: str


@dataclass(frozen=True)
class Work:
    """One run as the plan sees it. `amount`: training steps or updates, with the evaluation's at its longest."""

    folder: Path
    suite: str
    kind: Kind
    amount: float
    frames: int
    config: RunConfig | StemConfig | CopyConfig
    done: bool


@dataclass(frozen=True)
class Part:
    """The runs of one suite: how many, how many are finished, frames of all, core hours that are left."""

    name: str
    runs: int
    done: int
    frames: int
    hours: float


@dataclass(frozen=True)
class Plan:
    """What is to be run in a scale, on how many cores; `core_seconds` of each run that is left, by its folder."""

    scale: Scale
    cores: int
    works: Sequence[Work]
    known: Mapping[Kind, Speed]
    core_seconds: Mapping[Path, float]

    @property
    def study_core_seconds(self) -> float:
        """What the study of costs will take; it has all cores."""
        study = self.scale.complexity
        return 0.0 if study is None else _points(study) * POINT_SECONDS * self.cores


def works_of(scale: Scale) -> list[Work]:
    """The scale's runs: those that vision stems come from first, the copy task's last."""
    runs = [run for run in scale.all_runs if run not in scale.pretraining]
    return [_work(run) for run in (*scale.pretraining, *runs) if run in scale.all_runs]


def _work(run: Run | CopyRun) -> Work:
    config, done = run.config, inputs.finished(run)
    if isinstance(config, CopyConfig):
        return Work(run.folder, "copy_task", kind_of(config), config.steps, 0, config, done)
    spec = registry.spec(config.environment)
    if isinstance(config, StemConfig):
        frames = config.env_steps * spec.frames_per_step
        return Work(run.folder, spec.suite, kind_of(config), config.env_steps, frames, config, done)
    spec = registry.validate(config.environment, config.environment_options, config.backend)
    limits = [limit for limit in (config.evaluation.max_steps, spec.episode_limit) if limit]
    evaluation = config.evaluation.sets * config.evaluation.episodes * min(limits, default=0)
    frames = config.env_steps * spec.frames_per_step
    amount = config.env_steps + EVALUATION * evaluation
    return Work(run.folder, spec.suite, kind_of(config), amount, frames, config, done)


def kind_of(config: RunConfig | StemConfig | CopyConfig) -> Kind:
    """The kind of a run. The environments of a family, such as `gymnasium:<id>`, have nothing in common."""
    if isinstance(config, CopyConfig):
        copied = ("copy task", config.method, f"length {config.max_length}", f"hidden {config.hidden}")
        return Kind(copied, (config.update, config.unroll or 0, config.batch, config.threads, config.device))
    if isinstance(config, StemConfig):
        title: tuple[str, ...] = (config.environment, f"vision {config.vision}, taught from the state")
        return Kind(title, (config.features, config.batch, config.slots, config.threads, config.device))
    name = config.environment if ":" in config.environment else registry.spec(config.environment).suite
    vision = f"vision {config.vision}{', frozen' if config.pretrained else ''}"
    title = (name, vision, config.method, f"hidden {config.hidden}")
    return Kind(title, (config.features, config.batch, config.threads, config.device))


def speeds(waiting: Iterable[Work], results: Path, cores: int) -> dict[Kind, Speed]:
    """The slowest known speed of each kind, or a measured one."""
    found: dict[Kind, Speed] = {}
    for config, per_s in records(results):
        kind = kind_of(config)
        found[kind] = Speed(min(per_s, found[kind].per_s if kind in found else per_s), "finished runs")
    wanted = {work.kind: work.config for work in waiting}
    for kind, config in wanted.items():
        if kind not in found:
            print(f"measuring {', '.join(kind.title)}", file=sys.stderr)
            found[kind] = Speed(measure(config, cores), "measured now")
    return {kind: found[kind] for kind in wanted}


def make_plan(scale: Scale, cores: int) -> Plan:
    """Look up or measure the speed of every kind of run that is left, and reckon."""
    works = works_of(scale)
    waiting = [work for work in works if not work.done]
    known = speeds(waiting, scale.folder.parent, cores)
    core_seconds = {
        work.folder: (START_SECONDS + work.amount / known[work.kind].per_s) * (work.config.threads or cores)
        for work in waiting
    }
    return Plan(scale, cores, works, known, core_seconds)


def parts(plan: Plan) -> list[Part]:
    """One Part per suite, in the order of the scale."""
    suites: dict[str, list[Work]] = {}
    for work in plan.works:
        suites.setdefault(work.suite, []).append(work)
    return [
        Part(
            suite,
            runs=len(those),
            done=sum(work.done for work in those),
            frames=sum(work.frames for work in those),
            hours=sum(plan.core_seconds.get(work.folder, 0.0) for work in those) / 3600,
        )
        for suite, those in suites.items()
    ]


def describe(plan: Plan) -> str:
    """The plan as text."""
    rows = parts(plan)
    lines = [plan.scale.label, ""]
    lines.append(f"{'suite':<12}{'runs':>6}{'done':>6}{'env frames':>18}{'core hours left':>17}")
    for row in rows:
        lines.append(f"{row.name:<12}{row.runs:>6}{row.done:>6}{row.frames:>18,}{row.hours:>17,.2f}")
    left = sum(row.runs - row.done for row in rows)
    hours = sum(row.hours for row in rows) / plan.cores
    lines.append(f"{left} runs, then tables, figures, report: about {hours:,.2f} h on {plan.cores} cores")
    if plan.scale.complexity is not None:
        lines.append(_describe_costs(plan.scale.complexity))
    lines += _describe_speeds(plan.known)
    if plan.scale.missing:
        lines += ["", f"left out: {explain(plan.scale.missing)}"]
    return "\n".join(lines)


def _points(study: CostStudy) -> int:
    return sum(len(sweep.values) * len(list(sweep.curves())) for sweep in study.config.sweeps.values())


def _describe_costs(study: CostStudy) -> str:
    """The study of what the gradient methods cost, in a line."""
    points = _points(study)
    minutes = math.ceil(points * POINT_SECONDS / 60)
    state = "finished" if inputs.finished(study) else f"about {minutes} min on all cores, not counted here"
    return f"study of costs: {points} points, {state}"


def _describe_speeds(known: Mapping[Kind, Speed]) -> list[str]:
    """A line per title and source."""
    titles: dict[tuple[str, str], list[float]] = {}
    for kind, speed in known.items():
        titles.setdefault((", ".join(kind.title), speed.source), []).append(speed.per_s)
    lines = ["", "steps or updates a second, one run (its evaluation is counted at its longest):"] if known else []
    for (title, source), values in titles.items():
        low, high = f"{min(values):,.0f}", f"{max(values):,.0f}"
        lines.append(f"  {title}: {low if low == high else f'{low}–{high}'} ({source})")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m workflow.scripts.plan")
    options.add_argument("--settings", type=json.loads, required=True, help="the workflow's configuration, as JSON")
    options.add_argument("--cores", type=int, required=True)
    arguments = options.parse_args()
    with redirect_stdout(sys.stderr):  # what simulators say
        plan = make_plan(load_scale(arguments.settings), arguments.cores)
    estimates.write(plan.scale, plan.core_seconds, plan.study_core_seconds)
    print(describe(plan))


if __name__ == "__main__":
    own_the_standard_streams()
    main()
