"""What a name on Snakemake's command line stands for: a suite, an environment, a task, a study of costs."""

from __future__ import annotations

from typing import NoReturn

from rtrl_bench.envs import registry
from rtrl_bench.errors import one_of
from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.asked import target
from workflow.scripts.scales import Run, Scale, explain
from workflow.scripts.startup import stop

OTHERS = ("all", "plan", "fidelity", "tables", "figures", "report")


def names(scale: Scale) -> list[str]:
    """Every name that runs may have, whether this scale has such runs or not."""
    known = set().union(*(KINDS[name].known_targets() for name in KINDS), *(run.targets for run in scale.runs))
    return sorted(map(target, known))


def unknown(scale: Scale, name: str) -> NoReturn:
    """Stop because no target has this name."""
    stop(f"unknown target {name!r}: {one_of(name, [*OTHERS, *names(scale)])}")


def runs(scale: Scale, name: str) -> list[Run]:
    """The runs that are called `name`; stops with the reason when there are none."""
    found = [run for run in scale.runs if name in map(target, run.targets)]
    if found:
        return found
    gone = [lack for lack in scale.missing if name in (lack.suite, target(lack.name))]
    if gone:
        stop(f"cannot run here: {explain(gone)}")
    there = ", ".join(dict.fromkeys(run.targets[-1] for run in scale.runs))
    stop(f"scale {scale.name} has no runs of {name}: expected one of {there}; choose --config scale=...")


def records(scale: Scale) -> list[str]:
    """The record of every run."""
    return [f"{run.folder.as_posix()}/run.json" for run in scale.runs]


def jobs_by_seeds(scale: Scale) -> dict[tuple[str, ...], list[str]]:
    """The folders of all jobs within the scale's, by the seeds that each makes; a run by itself has none."""
    found: dict[tuple[str, ...], list[str]] = {}
    for folder, made in scale.jobs.items():
        seeds = tuple(run.folder.name for run in made if run.folder != folder)
        found.setdefault(seeds, []).append(folder.relative_to(scale.folder).as_posix())
    return found


def needed(scale: Scale) -> dict[str, list[str]]:
    """The folders of the runs that a run waits for, by its folder within the scale's."""
    return {scale.name_of(run): list(run.kind.needs(run.config)) for run in scale.runs}


def fidelity(scale: Scale) -> list[str]:
    """The record of how near the rooms backend is to the engine, where that backend runs and the scale has levels."""
    levels = any("dmlab" in run.targets for run in scale.runs)
    runs_here = levels and registry.check_available("rooms_watermaze", "rooms").ok
    return [f"{scale.folder.as_posix()}/rooms_fidelity.csv"] if runs_here else []


def films(scale: Scale) -> list[str]:
    """The films that the page shows."""
    chosen: list[str] = []
    for name in KINDS:
        runs = {run.folder.as_posix(): run.config for run in scale.runs if run.kind.name == name and not run.lent}
        chosen += KINDS[name].films(runs)
    return [f"{folder}/film.gif" for folder in chosen]
