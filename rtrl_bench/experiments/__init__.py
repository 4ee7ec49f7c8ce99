"""The kinds of run, a folder each, found because it is here. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry
from rtrl_bench.runs.asked import merge
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import RunSettings, build
from rtrl_bench.runs.yaml_files import load_yaml

DEFAULT = "reinforcement"  # the kind of settings that say none, as those of older runs
KINDS: Registry[Kind[Any]] = Registry("kind of run", "rtrl_bench.experiments")


def kind_of(settings: RunSettings) -> Kind[Any]:
    """The kind that settings of this class belong to."""
    return next(KINDS[name] for name in KINDS if KINDS[name].settings is type(settings))


def load_run(path: Path | None, kind: str | None = None, changes: Mapping[str, Any] | None = None) -> RunSettings:
    """Read and check the settings of a run: those of a YAML file, if there is one, and `changes` to them.

    Their key `kind`, or else `kind`, says which kind of run it is. ConfigError names the file, or the kinds.
    """
    values = {} if path is None else load_yaml(path)
    where = "without --config" if path is None else f"{path} with --set" if changes else path
    if changes and (values is None or isinstance(values, Mapping)):
        values = merge(values, changes)
    name = values.get("kind", kind) if isinstance(values, Mapping) else kind
    if values is not None and not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected keys and values (kind: {DEFAULT}, ...), not a {type(values).__name__}")
    if name is None:
        raise ConfigError(f"{where}: missing key kind: expected one of {', '.join(KINDS)}")
    try:
        return build(KINDS[name].settings, {} if values is None else values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def execute(
    settings: RunSettings, folder: Path, restart_if_changed: bool = False, wait: bool = False, more: bool = False
) -> dict[str, Any]:
    """Carry a run of whatever kind to its end: see `rtrl_bench.runs.execution.execute`."""
    from rtrl_bench.runs.execution import execute

    return execute(kind_of(settings), settings, folder, restart_if_changed, wait, more)
