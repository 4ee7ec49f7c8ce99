"""What the workflow says of a results folder: which runs belong to it, and what could not be run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


class LoadError(ValueError):
    """A results folder that cannot be read at all."""


@dataclass(frozen=True)
class Missing:
    """An environment that could not be run: its suite, why, and how to change that."""

    name: str
    suite: str
    reason: str
    fix: str


def listed_runs(root: Path) -> tuple[set[str] | None, set[str]]:
    """Folders of the runs that scale.json lists, and of those that only lend their vision stem to them.

    Without that file the first is None: then every run counts.
    """
    scale = _read(root / "scale.json")
    if scale is None:
        return None, set()
    try:
        runs = {folder for study in scale["studies"].values() for folder in study} | {*scale["copy_task"]}
        return runs, {*scale.get("pretraining", ())} - runs
    except (AttributeError, KeyError, TypeError) as error:
        raise LoadError(
            f"{root / 'scale.json'}: expected studies, copy_task and pretraining with the folders of runs"
        ) from error


def missing(root: Path) -> tuple[Missing, ...]:
    """The entries of missing.json; none without that file."""
    entries = _read(root / "missing.json") or []
    keys = [field.name for field in fields(Missing)]
    try:
        return tuple(Missing(**{key: str(entry[key]) for key in keys}) for entry in entries)
    except (KeyError, TypeError) as error:
        raise LoadError(f"{root / 'missing.json'}: expected a list of objects with {', '.join(keys)}") from error


def by_reason(entries: Iterable[Missing]) -> list[tuple[str, list[str], str, str]]:
    """(suite, environments, reason, fix), once for all environments of a suite that share them."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in entries:
        groups.setdefault((one.suite, one.reason, one.fix), []).append(one.name)
    return [(suite, names, reason, fix) for (suite, reason, fix), names in groups.items()]


def _read(path: Path) -> Any:
    """The content of a JSON file; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LoadError(f"{path}: cannot be read as JSON ({error})") from error
