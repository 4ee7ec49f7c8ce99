"""The small files that the rules read, written while Snakemake reads its rules.

A run's config.yaml is its only input: it changes if, and only if, the run's configuration does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from rtrl_bench.errors import ConfigError
from rtrl_bench.settings import dump, fingerprint_of
from rtrl_bench.yaml_files import load_yaml
from workflow.scripts.scales import CopyRun, CostStudy, Scale
from workflow.scripts.studies import Run


def write_inputs(scale: Scale) -> None:
    """Write a config.yaml per run, scale.json and missing.json, leaving alone what says the same already."""
    for run in scale.all_runs:
        if not _finished(run):
            _write(run.folder / "config.yaml", dump(run.config))
    if scale.complexity is not None and not _finished(scale.complexity, "complexity.json"):
        _write(scale.complexity.folder / "config.yaml", dump(scale.complexity.config))
    summary = {
        "schema": 1,
        "scale": scale.name,
        "label": scale.label,
        "studies": {name: _listed(runs, scale) for name, runs in scale.studies.items()},
        "pretraining": _listed(scale.pretraining, scale),
        "copy_task": _listed(scale.copy_runs, scale),
        "complexity": None if scale.complexity is None else scale.complexity.folder.name,
    }
    _write(scale.folder / "scale.json", json.dumps(summary, indent=1))
    missing = [asdict(one) for one in scale.missing]
    _write(scale.folder / "missing.json", json.dumps(missing, indent=1))


def _listed(runs: Iterable[Run | CopyRun], scale: Scale) -> list[str]:
    """Folders of the runs that can be made here or are finished."""
    here = {run.folder for run in scale.all_runs}
    wanted = [run.folder for run in runs if run.folder in here or _finished(run)]
    return [folder.relative_to(scale.folder).as_posix() for folder in wanted]


def _finished(run: Run | CopyRun | CostStudy, record: str = "run.json") -> bool:
    """Whether the folder has the result of this configuration, made on whatever device and threads."""
    path = run.folder / "config.yaml"
    if not (path.exists() and (run.folder / record).exists()):
        return False
    try:
        old = load_yaml(path)
        return isinstance(old, Mapping) and fingerprint_of(old) == run.config.fingerprint()
    except (ConfigError, TypeError):
        return False  # damaged: to be written, and its run made, again


def _write(path: Path, text: str) -> None:
    """Write a small file in one step unless it has this text already, so that its date tells of changes."""
    try:
        if path.exists() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")  # several Snakemakes may be starting at once
        part.write_text(text)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); set --config results=DIR") from error
