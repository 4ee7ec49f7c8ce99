"""A scale file made into runs: read, checked completely, expanded.

Everything happens while Snakemake reads its rules, so a mistake stops the workflow before any work starts.
Nothing here imports torch or a simulator.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.asked import Asked, Planned, Study, merge
from rtrl_bench.runs.kind import Kind, Lack
from rtrl_bench.runs.settings import RunSettings
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts.jobs import Job, job
from workflow.scripts.schema import ScaleSettings, WorkflowSettings, check_scale, check_workflow

CONFIG_FOLDER = Path(__file__).resolve().parents[1] / "config"
MINUTES = 30  # of a job that is no run, where a queue allows that


@dataclass(frozen=True)
class Run:
    """One run of a scale: its folder, of which kind it is, its settings, and what a scheduler has to know of it.

    `lent`: other runs build on it; it is a result of no study.
    """

    folder: Path
    kind: Kind[Any]
    config: RunSettings
    job: Job
    lent: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files of its result, the record last."""
        return self.kind.outputs(self.config)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names under which people ask for it, its group first."""
        return self.kind.targets(self.config)


@dataclass(frozen=True)
class Scale:
    """All that a scale asks for. Two `studies` may share a run; theirs include those that cannot be made here.

    `runs`: every one of them once, as far as it can be made here. `time_limit`: minutes that a queue allows one job.
    """

    name: str
    label: str
    folder: Path
    studies: dict[str, tuple[Run, ...]]
    runs: tuple[Run, ...]
    missing: tuple[Lack, ...]
    time_limit: int | None

    @property
    def minutes(self) -> int:
        """Wall clock of a job that is no run."""
        return min(MINUTES, self.time_limit or MINUTES)

    def name_of(self, run: Run) -> str:
        """Its folder within the scale's."""
        return run.folder.relative_to(self.folder).as_posix()

    @property
    def jobs(self) -> dict[Path, tuple[Run, ...]]:
        """The runs that one job makes: one by its own folder, or the seeds of a setting by the folder of them all."""
        found: dict[Path, tuple[Run, ...]] = {}
        for run in self.runs:
            folder = run.folder.parent if run.job.shared else run.folder
            found[folder] = (*found.get(folder, ()), run)
        return found


def explain(missing: Iterable[Lack]) -> str:
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
        return _expand(workflow, *check_scale({**values, **over}))
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error


def _expand(workflow: WorkflowSettings, scale: ScaleSettings, asked_studies: Mapping[str, Study]) -> Scale:
    folder = _folder(workflow)
    asked = Asked(folder, scale.seeds, scale.run, workflow.methods, workflow.machine)
    claimed: dict[Path, Run] = {}
    same: dict[tuple[str, bool, str], Run] = {}  # by kind, whether it is lent, and fingerprint
    studies: dict[str, tuple[Run, ...]] = {}
    for name, study in asked_studies.items():
        with _within(f"studies.{name}"):
            resources = study.resources or scale.resources
            plans = study.plan(name, asked, KINDS[study.kind])
            shared = study.seeds_in_one_job
            runs = [_run(plan, folder, job(resources, plan.settings, workflow.time_limit, shared)) for plan in plans]
            studies[name] = tuple(same.setdefault(_identity(run), run) for run in runs)
            _claim(claimed, studies[name])
    lacks = {path: run.kind.lack(run.config) for path, run in claimed.items()}
    here = tuple(run for path, run in claimed.items() if lacks[path] is None)
    missing = {lack.name: lack for lack in lacks.values() if lack is not None}
    return Scale(workflow.scale, scale.label, folder, studies, here, tuple(missing.values()), workflow.time_limit)


def _run(plan: Planned, folder: Path, job: Job) -> Run:
    return Run(folder / plan.place, KINDS[plan.settings.kind], plan.settings, job, plan.lent)


def _identity(run: Run) -> tuple[str, bool, str]:
    return run.kind.name, run.lent, run.config.fingerprint()


def _folder(settings: WorkflowSettings) -> Path:
    folder = Path(settings.results).expanduser() / settings.scale
    if set("{}\n") & set(folder.as_posix()):
        raise ConfigError(f"results folder {folder.as_posix()!r}: expected a name without braces and line breaks")
    parent = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    # Finished results may be looked at where nothing can be written.
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


def _claim(claimed: dict[Path, Run], runs: Iterable[Run]) -> None:
    """Add the runs to `claimed`, each at its folder; two different ones at the same folder are refused."""
    for run in runs:
        if claimed.setdefault(run.folder, run) is not run:
            raise ConfigError(f"{run.folder} belongs to another run already; vary a key")
