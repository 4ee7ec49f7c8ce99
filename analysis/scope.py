"""What the workflow says of a results folder: which runs belong to it, and what could not be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

MISSING = ["name", "suite", "reason", "fix"]


class LoadError(ValueError):
    """A results folder that cannot be read at all."""


def listed_runs(root: Path) -> dict[str, bool] | None:
    """The folders of the runs that scale.json lists, and of each whether it is lent, which is no result.

    Without that file None: then every run counts.
    """
    scale = _read(root / "scale.json")
    if scale is None:
        return None
    try:
        own = [folder for study in scale["studies"].values() for folder in study]
        return dict.fromkeys(scale["lent"], True) | dict.fromkeys(own, False)
    except (AttributeError, KeyError, TypeError) as error:
        raise LoadError(f"{root / 'scale.json'}: expected studies and lent with the folders of runs") from error


def missing(root: Path) -> pd.DataFrame:
    """The entries of missing.json: environments that could not be run, why, and how to change that."""
    entries = _read(root / "missing.json") or []
    try:
        return pd.DataFrame([{key: str(entry[key]) for key in MISSING} for entry in entries], columns=MISSING)
    except (KeyError, TypeError) as error:
        raise LoadError(f"{root / 'missing.json'}: expected a list of objects with {', '.join(MISSING)}") from error


def _read(path: Path) -> Any:
    """The content of a JSON file; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LoadError(f"{path}: cannot be read as JSON ({error})") from error
