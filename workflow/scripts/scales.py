"""A scale file made into runs: read, checked completely, expanded.

Everything happens while Snakemake reads its rules, so a mistake stops the workflow before any work starts.
Nothing here imports torch or a simulator.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.runs.settings import build
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts.jobs import Job, job
from workflow.scripts.outputs import COMPLEXITY
from workflow.scripts.schema import Asked, WorkflowSettings, check_scale, check_workflow
from workflow.scripts.studies import Run, merge, pretraining_runs, study_runs

CONFIG_FOLDER = Path(__file__).resolve().parents[1] / "config"


@dataclass(frozen=True)
class CopyRun:
    """One run of the copy task: its folder (under the scale's `copy_task/`) and its configuration."""

    folder: Path
    config: CopyConfig
    job: Job
    outputs = ("curve.csv", "run.json")


@dataclass(frozen=True)
class CostStudy:
    """The study of what the gradient methods cost: its folder and its configuration."""

    folder: Path
    config: ComplexityConfig
    job: Job
    outputs = COMPLEXITY


AnyRun = TypeVar("AnyRun", Run, CopyRun)


@dataclass(frozen=True)
class Missing:
    """An environment of the scale that cannot run on this machine, and how to change that."""

    name: str
    suite: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Scale:
    """All that a scale asks for. Two `studies` may share a run; theirs include those that cannot be made here.

    `pretraining`: the runs that vision stems come from. They are in `runs`, where they can be made, but in no study.
    """

    name: str
    label: str
    folder: Path
    runs: tuple[Run, ...]
    copy_runs: tuple[CopyRun, ...]
    studies: dict[str, tuple[Run, ...]]
    pretraining: tuple[Run, ...]
    complexity: CostStudy | None
    missing: tuple[Missing, ...]

    @property
    def all_runs(self) -> tuple[Run | CopyRun, ...]:
        """Training runs, then those of the copy task."""
        return (*self.runs, *self.copy_runs)


def explain(missing: Iterable[Missing]) -> str:
    """Names, reason and fix, those with the same reason together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in missing:
        groups.setdefault((one.reason, one.fix), []).append(one.name)
    return "; ".join(f"{', '.join(who)}: {reason}. Fix: {fix}" for (reason, fix), who in groups.items())


def names() -> list[str]:
    """The scales there are: one per file of workflow/config."""
    return sorted(p.stem for p in CONFIG_FOLDER.glob("*.yaml") if p.stem != "config")


def load_scale(settings: Mapping[str, Any]) -> Scale:
    """The scale that config.yaml or `settings`, those of the command line, name, or a ConfigError."""
    workflow, over = check_workflow(merge(load_yaml(CONFIG_FOLDER / "config.yaml"), settings))
    name = workflow.scale
    if name not in names():
        expected = ", ".join(names())
        raise ConfigError(f"scale = {name!r}: expected one of {expected} (the files of workflow/config)")
    file = f"workflow/config/{name}.yaml"
    values = load_yaml(CONFIG_FOLDER / f"{name}.yaml")
    if not isinstance(values, Mapping):
        raise ConfigError(f"{file}: expected keys and values")
    try:
        return _expand(Asked(workflow, check_scale({**values, **over})))
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error


def _expand(asked: Asked) -> Scale:
    folder = _folder(asked.workflow)
    plan: dict[Path, Run] = {}
    sources: dict[str, Run] = {}  # by fingerprint, like the next
    same: dict[str, Run] = {}
    studies: dict[str, tuple[Run, ...]] = {}
    for name, study in asked.scale.studies.items():
        with _within(f"studies.{name}"):
            first = _once(sources, pretraining_runs(asked, study, folder))
            stems = {run.config.environment: run for run in first}
            studies[name] = _once(same, study_runs(asked, study, folder, stems))
            _claim(plan, (*first, *studies[name]))
    with _within("copy_task"):
        copy_runs = tuple(_copy_task(asked, folder / "copy_task"))
        _claim({}, copy_runs)
    with _within("complexity"):
        complexity = _complexity(asked, folder / "complexity")
    missing = _missing(plan.values())
    return Scale(
        name=asked.workflow.scale,
        label=asked.scale.label,
        folder=folder,
        runs=tuple(r for r in plan.values() if r.config.environment not in missing),
        copy_runs=copy_runs,
        studies=studies,
        pretraining=tuple(sources.values()),
        complexity=complexity,
        missing=tuple(missing.values()),
    )


def _folder(settings: WorkflowSettings) -> Path:
    folder = Path(settings.results).expanduser() / settings.scale
    if set("{}\n") & set(folder.as_posix()):
        raise ConfigError(f"results folder {folder.as_posix()!r}: expected a name without braces and line breaks")
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not parent.is_dir() or (parent != folder and not os.access(parent, os.W_OK)):
        raise ConfigError(f"results folder {folder}: cannot be made in {parent}; set --config results=DIR")
    return folder


@contextmanager
def _within(key: str) -> Iterator[None]:
    """Put `key` before the message of a mistake."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error


def _once(known: dict[str, Run], runs: Iterable[Run]) -> tuple[Run, ...]:
    """The runs, each replaced by the one in `known` with the same fingerprint, if there is one."""
    return tuple(known.setdefault(run.config.fingerprint(), run) for run in runs)


def _claim(plan: dict[Path, AnyRun], runs: Iterable[AnyRun]) -> None:
    """Add the runs to `plan`, each at its folder; two different ones at the same folder are refused."""
    for run in runs:
        if plan.setdefault(run.folder, run) is not run:
            raise ConfigError(f"{run.folder} belongs to another run already; vary a key")


def _missing(runs: Iterable[Run]) -> dict[str, Missing]:
    """The environments of `runs` that cannot run on this machine."""
    missing = {}
    asked = {(r.config.environment, r.backend): r.config.environment_options for r in runs}
    for (environment, backend), options in asked.items():
        found = registry.check_available(environment, backend, options)
        if not found.ok:
            missing[environment] = Missing(environment, registry.spec(environment).suite, found.reason, found.fix)
    return missing


def _copy_task(asked: Asked, folder: Path) -> Iterator[CopyRun]:
    task = asked.scale.copy_task
    if task is None:
        return
    common = {"threads": asked.scale.run.get("threads", 0)}
    seeds = task.seeds or asked.scale.seeds
    for length, (method, own), seed in itertools.product(task.lengths, task.methods.items(), seeds):
        parts = (common, task.run, length, own, {"method": method, "seed": seed}, asked.machine)
        config = build(CopyConfig, merge(*parts))
        path = folder / f"L{config.max_length}" / method / f"seed{seed}"
        yield CopyRun(path, config, job(asked, None, config))


def _complexity(asked: Asked, folder: Path) -> CostStudy | None:
    study = asked.scale.complexity
    if study is None:
        return None
    # Timings want the whole machine, whatever `threads` says of training.
    here = {"device": asked.workflow.device, "threads": 0}
    config = build(ComplexityConfig, study.model_dump(exclude={"resources"}) | here)
    return CostStudy(folder, config, job(asked, study.resources, config))
