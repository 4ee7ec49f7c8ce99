"""What a scale will do here: `python -m workflow.scripts.plan --settings JSON --cores N`.

Runs, environment frames and hours, before anything is trained. Speeds are those of finished runs with the same
settings, of any scale beside this one. Where there are none, one run is measured for all of its kind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.asked import FOLDER
from rtrl_bench.runs.kind import Pace
from rtrl_bench.runs.records import RECORD, finished_record
from rtrl_bench.runs.settings import build, replace
from rtrl_bench.system.output import own_the_standard_streams
from workflow.scripts import estimates, inputs
from workflow.scripts.scales import Run, Scale, explain, load_scale

START_SECONDS = 4.0  # of a run, before its first step: Python, torch, the simulator
SECONDS = 1.0  # of a measurement, besides setting up


class Speed(NamedTuple):
    """Of its amount per second, and where that is known from."""

    per_s: float
    source: str


@dataclass(frozen=True)
class Work:
    """One run as the plan sees it. `amount`: all that is to be done, with an evaluation at its longest."""

    run: Run
    suite: str
    pace: Pace
    amount: float
    frames: int
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
    known: Mapping[Pace, Speed]
    core_seconds: Mapping[Path, float]


def works_of(scale: Scale) -> list[Work]:
    """The scale's runs: those that others build on first."""
    return [_work(run) for run in sorted(scale.runs, key=lambda run: not run.lent)]


def _work(run: Run) -> Work:
    kind, config = run.kind, run.config
    return Work(run, run.targets[0], kind.pace(config), kind.amount(config), kind.frames(config), inputs.finished(run))


def known_speeds(results: Path) -> Iterator[tuple[Pace, float]]:
    """The pace and the speed of every finished run of any scale in the results folder.

    Records that are damaged, of another version of the project or of another device tell nothing here.
    """
    from rtrl_bench.runs.device import made_on_the_same

    for path in sorted(results.glob(f"*/{FOLDER}/**/{RECORD}")):
        record = finished_record(path.parent)
        with contextlib.suppress(ValueError, KeyError, TypeError, ZeroDivisionError):
            if record is not None:
                kind = KINDS[record["kind"]]
                settings = build(kind.settings, record["config"])
                if made_on_the_same(record, settings.device):
                    yield kind.pace(settings), kind.done(record) / record["wall_s"]


def measure(run: Run, cores: int) -> float:
    """How much of its amount a run that has `cores` for itself does in a second."""
    return run.kind.speed(run.kind.trial(replace(run.config, threads=run.job.threads or cores)), SECONDS)


def speeds(waiting: Iterable[Work], results: Path, cores: int) -> dict[Pace, Speed]:
    """The slowest known speed of each pace, or a measured one."""
    found: dict[Pace, Speed] = {}
    for pace, per_s in known_speeds(results):
        found[pace] = Speed(min(per_s, found[pace].per_s if pace in found else per_s), "finished runs")
    wanted = {work.pace: work.run for work in waiting}
    for pace, run in wanted.items():
        if pace not in found:
            print(f"measuring {', '.join(pace.title)}", file=sys.stderr)
            found[pace] = Speed(measure(run, cores), "measured now")
    return {pace: found[pace] for pace in wanted}


def make_plan(scale: Scale, cores: int) -> Plan:
    """Look up or measure the speed of every pace of the runs that are left, and reckon."""
    works = works_of(scale)
    waiting = [work for work in works if not work.done]
    known = speeds(waiting, scale.folder.parent, cores)
    core_seconds = {
        work.run.folder: (START_SECONDS + work.amount / known[work.pace].per_s) * (work.run.job.threads or cores)
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
            hours=sum(plan.core_seconds.get(work.run.folder, 0.0) for work in those) / 3600,
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
    lines += _describe_speeds(plan.known)
    if plan.scale.missing:
        lines += ["", f"left out: {explain(plan.scale.missing)}"]
    return "\n".join(lines)


def _describe_speeds(known: Mapping[Pace, Speed]) -> list[str]:
    """A line per title and source."""
    titles: dict[tuple[str, str], list[float]] = {}
    for pace, speed in known.items():
        titles.setdefault((", ".join(pace.title), speed.source), []).append(speed.per_s)
    lines = (
        ["", "steps, updates or points a second, one run (an evaluation is counted at its longest):"] if known else []
    )
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
    estimates.write(plan.scale, plan.core_seconds)
    print(describe(plan))


if __name__ == "__main__":
    own_the_standard_streams()
    main()
