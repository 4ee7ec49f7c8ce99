"""The small files that the rules read, written while Snakemake reads its rules.

A run's config.yaml is its only input: it changes if, and only if, the run's configuration does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rtrl_bench.config import ConfigError, dump, load_yaml
from workflow.scripts.scales import Scale

# What cannot change a result, as in RunConfig.fingerprint.
_MACHINE_KEYS = ("device", "threads", "checkpoint_minutes", "tensorboard")


def write_inputs(scale: Scale) -> None:
    """Write a config.yaml per run, scale.json and missing.json, leaving alone what says the same already."""
    for run in scale.runs:
        if not _finished(run.folder, run.config.to_dict()):
            _write(run.folder / "config.yaml", dump(run.config))
    for copy in scale.copy_runs:
        if not _finished(copy.folder, copy.config):
            _write(copy.folder / "config.yaml", yaml.safe_dump(copy.config, sort_keys=False))
    summary = {
        "schema": 1,
        "scale": scale.name,
        "label": scale.label,
        "studies": {name: [_relative(f, scale) for f in runs] for name, runs in scale.studies.items()},
        "copy_task": [_relative(c.folder, scale) for c in scale.copy_runs],
    }
    _write(scale.folder / "scale.json", json.dumps(summary, indent=1))
    missing = [{"name": m.name, "reason": m.reason, "fix": m.fix} for m in scale.missing]
    _write(scale.folder / "missing.json", json.dumps(missing, indent=1))


def _relative(folder: Path, scale: Scale) -> str:
    return folder.relative_to(scale.folder).as_posix()


def _finished(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder has the result of this configuration, made on whatever device and threads."""
    path = folder / "config.yaml"
    if not (path.exists() and (folder / "run.json").exists()):
        return False
    try:
        old = load_yaml(path)
    except ConfigError:
        return False  # damaged: to be written, and its run made, again
    return isinstance(old, Mapping) and _decisive(old) == _decisive(config)


def _decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _MACHINE_KEYS}


def _write(path: Path, text: str) -> None:
    """Write a small file in one step unless it has this text already, so that its date tells of changes."""
    try:
        if path.exists() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(text)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); set --config results=DIR") from error
