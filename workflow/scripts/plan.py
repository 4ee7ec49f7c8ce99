"""What a scale will do here: `python -m workflow.scripts.plan --set scale=overnight`. Needs no Snakemake process.

Runs, environment frames and hours by study, before anything is trained. Speeds are those of finished runs with the same
settings, of any scale beside this one. Where there are none, one run is measured for all of its pace. Once that has
taken BUDGET_S, a pace that resembles a known one is given the speed of that.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rtrl_bench.arguments import Help, Parser, add_set, integer
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.asked import FOLDER, merge
from rtrl_bench.runs.kind import Pace
from rtrl_bench.runs.records import RECORD, finished_record
from rtrl_bench.runs.settings import build, replace
from rtrl_bench.system.machine import usable_cores
from rtrl_bench.system.output import own_the_standard_streams
from workflow.scripts import estimates, inputs
from workflow.scripts.scales import Run, Scale, explain, load_scale

START_SECONDS = 2.5  # of a job, before its first step: Snakemake, Python, torch, the simulator
SECONDS = 0.1  # of a measurement, besides setting up
BUDGET_S = 7.0  # of all measurements, besides those of paces that resemble no other


RESEMBLES = "as the most similar run"  # the source of a speed


class Speed(NamedTuple):
    """Of its amount per second, and where that is known from."""

    per_s: float
    source: str


@dataclass(frozen=True)
class Work:
    """One run as the plan sees it. `amount`: all that is to be done, with an evaluation at its longest."""

    run: Run
    pace: Pace
    amount: float
    frames: int
    done: bool


@dataclass(frozen=True)
class Part:
    """The runs of one study: how many, how many are finished, frames of all, core hours that are left."""

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
    return Work(run, kind.pace(config), kind.amount(config), kind.frames(config), inputs.finished(run))


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
    """The slowest known speed of each pace, or a measured one, or that of the pace which resembles it most."""
    found: dict[Pace, Speed] = {}
    for pace, per_s in known_speeds(results):
        found[pace] = Speed(min(per_s, found[pace].per_s if pace in found else per_s), "finished runs")
    wanted: dict[Pace, Run] = {}
    shares: dict[Pace, float] = defaultdict(float)
    for work in waiting:
        wanted.setdefault(work.pace, work.run)
        shares[work.pace] += work.amount
    unknown = [pace for pace in sorted(shares, key=shares.__getitem__, reverse=True) if pace not in found]
    ends = time.monotonic() + BUDGET_S
    if unknown:
        print(f"measuring how fast {len(unknown)} kinds of run are here ...", file=sys.stderr)
    # Those that resemble no known one cannot be left out, so they come first.
    for pace in [*_unlike(unknown, found), *unknown]:
        if pace not in found and (time.monotonic() < ends or not _similar(pace, found)):
            found[pace] = Speed(measure(wanted[pace], cores), "measured now")
    measured = dict(found)
    for pace in unknown:
        if pace not in measured:
            like = max(_similar(pace, measured), key=lambda other: _resemblance(pace, other))
            found[pace] = Speed(measured[like].per_s, RESEMBLES)
    return {pace: found[pace] for pace in wanted}


def _similar(pace: Pace, others: Iterable[Pace]) -> list[Pace]:
    """The paces whose title begins as that of `pace` does: of a suite and stem, of a task and gradient."""
    return [other for other in others if other.title[:2] == pace.title[:2]]


def _unlike(paces: Iterable[Pace], known: Iterable[Pace]) -> list[Pace]:
    """One pace of each group of similar ones that has no member among the known."""
    chosen: list[Pace] = []
    for pace in paces:
        if not _similar(pace, [*known, *chosen]):
            chosen.append(pace)
    return chosen


def _resemblance(pace: Pace, other: Pace) -> int:
    return sum(a == b for a, b in zip((*pace.title, *pace.sizes), (*other.title, *other.sizes)))


def make_plan(scale: Scale, cores: int) -> Plan:
    """Look up or measure the speed of every pace of the runs that are left, and reckon.

    ConfigError for a run of which cell, gradient method, vision stem or other choices are unknown or do not fit.
    """
    works = works_of(scale)
    waiting = [work for work in works if not work.done]
    for work in waiting:
        try:
            work.run.kind.check(work.run.config)
        except ConfigError as error:
            raise ConfigError(f"scale {scale.name}, {scale.name_of(work.run)}: {error}") from error
    known = speeds(waiting, scale.folder.parent, cores)
    start = {run.folder: START_SECONDS / len(runs) for runs in scale.jobs.values() for run in runs}
    core_seconds = {
        work.run.folder: (start[work.run.folder] + work.amount / known[work.pace].per_s)
        * (work.run.job.threads or cores)
        for work in waiting
    }
    return Plan(scale, cores, works, known, core_seconds)


def parts(plan: Plan) -> list[Part]:
    """One Part per study, in the order of the scale. A run that two studies share counts in the first."""
    works = {work.run.folder: work for work in plan.works}
    return [
        Part(
            study,
            runs=len(those),
            done=sum(work.done for work in those),
            frames=sum(work.frames for work in those),
            hours=sum(plan.core_seconds.get(work.run.folder, 0.0) for work in those) / 3600,
        )
        for study, runs in plan.scale.studies.items()
        for those in [[works.pop(run.folder) for run in runs if run.folder in works]]
    ]


def describe(plan: Plan) -> str:
    """The plan as text."""
    rows = parts(plan)
    lines = [plan.scale.label, ""]
    width = max(len(row.name) for row in rows) + 2
    lines.append(f"{'study':<{width}}{'runs':>6}{'done':>6}{'env frames':>18}{'core hours left':>17}")
    for row in rows:
        lines.append(f"{row.name:<{width}}{row.runs:>6}{row.done:>6}{row.frames:>18,}{row.hours:>17,.2f}")
    left = sum(row.runs - row.done for row in rows)
    hours = sum(row.hours for row in rows) / plan.cores
    lines.append(f"{left} runs: about {hours:,.2f} h on {plan.cores} cores, and minutes for tables, figures and report")
    lines += _describe_speeds(plan.known)
    if plan.scale.missing:
        lines += ["", f"left out: {explain(plan.scale.missing)}"]
    return "\n".join(lines)


def _describe_speeds(known: Mapping[Pace, Speed]) -> list[str]:
    """A line per title and source, but for those that are only taken to resemble another."""
    titles: dict[tuple[str, str], list[float]] = {}
    for pace, speed in known.items():
        if speed.source == RESEMBLES:
            continue
        titles.setdefault((", ".join(pace.title), speed.source), []).append(speed.per_s)
    lines = (
        ["", "steps, updates or points a second, one run (an evaluation is counted at its longest):"] if known else []
    )
    for (title, source), values in titles.items():
        low, high = f"{min(values):,.0f}", f"{max(values):,.0f}"
        lines.append(f"  {title}: {low if low == high else f'{low}–{high}'} ({source})")
    rest = sum(speed.source == RESEMBLES for speed in known.values())
    return [*lines, f"  {rest} others: {RESEMBLES}"] if rest else lines


def main() -> int:
    """Print the plan, and keep it for the logger that shows the time left."""
    parser = Parser(
        prog="python -m workflow.scripts.plan",
        description="What a scale would do here, and for how long.",
        epilog="example:\n  python -m workflow.scripts.plan --set scale=overnight --cores 2",
        formatter_class=Help,
    )
    add_set(parser, " of workflow/config/config.yaml or of the scale, as for Snakemake's --config")
    parser.add_argument("--cores", type=integer(1, 2**16), default=usable_cores(), help="how many may be used")
    arguments = parser.parse_args()
    try:
        with redirect_stdout(sys.stderr):  # what simulators say
            plan = make_plan(load_scale(merge(*arguments.set)), arguments.cores)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    estimates.write(plan.scale, plan.core_seconds)
    print(describe(plan))
    return 0


if __name__ == "__main__":
    own_the_standard_streams()
    sys.exit(main())
