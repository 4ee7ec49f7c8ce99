"""The kinds of run, a folder each, found by lying here. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import RunSettings, load_settings
from rtrl_bench.runs.yaml_files import load_yaml

DEFAULT = "reinforcement"  # the kind of settings that say none, as those of older runs
KINDS: Registry[Kind[Any]] = Registry("kind of run", "rtrl_bench.experiments")


def kind_of(settings: RunSettings) -> Kind[Any]:
    """The kind that settings of this class belong to."""
    return next(KINDS[name] for name in KINDS if KINDS[name].settings is type(settings))


def load_run(path: Path, kind: str | None = None) -> RunSettings:
    """Read and check the settings of a run of the kind that their key `kind` says, or else `kind`.

    ConfigError names the file, UnknownName the kinds that there are.
    """
    values = load_yaml(path)
    name = values.get("kind", kind) if isinstance(values, Mapping) else kind
    if name is None:
        raise ConfigError(f"{path}: missing key kind: expected one of {', '.join(KINDS)}")
    return load_settings(KINDS[name].settings, path)


def execute(
    settings: RunSettings, folder: Path, restart_if_changed: bool = False, wait: bool = False
) -> dict[str, Any]:
    """Carry a run of whatever kind to its end: see `rtrl_bench.runs.execution.execute`."""
    from rtrl_bench.runs.execution import execute

    return execute(kind_of(settings), settings, folder, restart_if_changed, wait)
