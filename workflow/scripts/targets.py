"""What a name on Snakemake's command line stands for: a suite, an environment, or the copy task."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

from rtrl_bench.envs import registry
from rtrl_bench.errors import did_you_mean
from rtrl_bench.experiments.stems.config import StemConfig
from workflow.scripts.outputs import COMPLEXITY
from workflow.scripts.scales import CopyRun, Scale, explain
from workflow.scripts.startup import stop
from workflow.scripts.studies import Run


def names(scale: Scale) -> list[str]:
    """Every suite and environment that the project knows, whether this scale runs it or not."""
    known = {*registry.ENVIRONMENTS, *(run.config.environment for run in scale.runs)}
    return sorted({_target(name) for name in known} | {registry.spec(name).suite for name in known})


OTHERS = ("all", "plan", "copy_task", "complexity", "fidelity", "tables", "figures", "report")


def unknown(scale: Scale, name: str) -> NoReturn:
    """Stop because no target has this name."""
    known = [*OTHERS, *names(scale)]
    stop(f"unknown target {name!r}: expected one of {', '.join(known)}{did_you_mean(name, known)}")


def runs(scale: Scale, name: str) -> list[Run]:
    """The runs of suite or environment `name`; stops with the reason when there are none."""
    found = [run for run in scale.runs if name in (run.suite, _target(run.config.environment))]
    if found:
        return found
    gone = [m for m in scale.missing if name in (registry.spec(m.name).suite, _target(m.name))]
    if gone:
        stop(f"cannot run here: {explain(gone)}")
    there = ", ".join(dict.fromkeys(run.config.environment for run in scale.runs))
    stop(f"scale {scale.name} has no runs of {name}: expected one of {there}; choose --config scale=...")


def records(runs: Iterable[Run | CopyRun]) -> list[str]:
    """Every file of every run's result."""
    return [f"{run.folder.as_posix()}/{name}" for run in runs for name in run.outputs]


def compared(scale: Scale) -> str:
    """The folders of the runs that also compare gradients, as a regular expression within the scale's folder."""
    chosen = [run.folder.relative_to(scale.folder).as_posix() for run in scale.runs if run.compares]
    return "|".join(map(re.escape, chosen)) or "(?!)"


def stems(scale: Scale) -> dict[str, str]:
    """The record that a run with a pre-trained vision stem waits for, by that run's folder within the scale's."""
    return {
        run.folder.relative_to(scale.folder).as_posix(): f"{run.stem}/run.json"
        for run in scale.runs
        if run.stem is not None
    }


def complexity(scale: Scale) -> list[str]:
    """The files of the study of what the gradient methods cost, where the scale has one."""
    return [] if scale.complexity is None else [f"{scale.complexity.folder.as_posix()}/{name}" for name in COMPLEXITY]


def complexity_or_stop(scale: Scale) -> list[str]:
    """The same; stops with the reason where the scale has no such study."""
    return complexity(scale) or stop(f"scale {scale.name} has no key complexity; choose --config scale=laptop")


def fidelity(scale: Scale) -> list[str]:
    """The record of how near the rooms backend is to the engine, where that backend runs."""
    runs_here = registry.check_available("rooms_watermaze", "rooms").ok
    return [f"{scale.folder.as_posix()}/rooms_fidelity.csv"] if runs_here else []


def films(scale: Scale) -> dict[str, str]:
    """The films that the page shows, and the level of each: in every embedded level RTRL with the longest M plays."""
    longest: dict[str, int] = {}
    chosen: dict[str, Run] = {}
    for run in scale.runs:
        name, config = run.config.environment, run.config
        if isinstance(config, StemConfig) or run in scale.pretraining or config.method != "rtrl":
            continue
        if registry.chosen_backend(name, run.backend).name == "rooms" and config.unroll > longest.get(name, 0):
            longest[name], chosen[name] = config.unroll, run
    return {f"{run.folder.as_posix()}/film.gif": name for name, run in chosen.items()}


def _target(environment: str) -> str:
    """`gymnasium:CartPole-v1` as a name that Snakemake accepts: `gymnasium_CartPole-v1`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", environment)
