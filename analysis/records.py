"""A run folder and its files, read and checked."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import labels
from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.records import RECORD
from rtrl_bench.runs.settings import asked, decisive, fingerprint_of
from rtrl_bench.runs.yaml_files import load_yaml

SCHEMA = 1
QUALITY_KEYS = "points cosine_mean cosine_min cosine_lowest_mean norm_ratio_mean".split()
NO_SETTING = ("seed", "pretrained", "gradient_quality", "truncation")  # measuring along the way changes nothing
# What tables and figures name by themselves: method, task and M.
NAMED = (
    "gradient gradient_options window cell layers unroll environment environment_options backend task task_options"
).split()


class Unusable(ValueError):
    """Why one run cannot be used."""


@dataclass(frozen=True)
class Run:
    """A finished run: where it lies (`folder`: relative to the results folder), its record, and the settings in it."""

    path: Path
    folder: str
    record: Mapping[str, Any]
    config: Mapping[str, Any]

    def setting(self, *also: str) -> str:
        """Twelve hex digits shared by the runs that differ in seed and machine alone (and in the keys `also`)."""
        kept = {key: value for key, value in self.config.items() if key not in (*NO_SETTING, *also)}
        if kept.get("window") is not None and kept["window"] == kept.get("unroll"):
            kept["window"] = None  # two spellings of the same method
        stem = (self.record.get("pretrained") or {}).get("fingerprint")
        return fingerprint_of({**kept, "of_record": [self.record.get("kind"), self.record.get("backend"), stem]})

    def keys(self, wanted: Collection[str]) -> dict[str, Any]:
        """These keys of the record, keys and values in them as JSON text; Unusable names those that are missing."""
        missing = [key for key in wanted if key not in self.record]
        if missing:
            raise Unusable(f"{RECORD}: no key {', '.join(missing)}")
        return self.common(wanted)

    def quality(self) -> dict[str, float]:
        """The summary of how near its gradient was to the exact one; nan where it was not measured."""
        found = self.record.get("gradient_quality")
        if found is None:
            return dict.fromkeys(QUALITY_KEYS, math.nan)
        try:
            return {key: math.nan if found[key] is None else float(found[key]) for key in QUALITY_KEYS}
        except (KeyError, TypeError, ValueError) as error:
            raise Unusable(f"{RECORD}: expected numbers {', '.join(QUALITY_KEYS)} in gradient_quality") from error

    def table(self, name: str, filled: list[str], others: list[str] | None = None) -> pd.DataFrame:
        """A CSV file of at least one row, with its folder, and no number missing in the columns `filled`."""
        frame = read_csv(self.path / name, [*filled, *(others or [])])
        if frame.empty or frame[filled].isna().any(axis=None):
            raise Unusable(f"{name}: expected at least one row, and numbers in {' and '.join(filled)}")
        return frame.assign(folder=self.folder)

    def common(self, keys: Collection[str]) -> dict[str, Any]:
        """The same where keys may be missing: None."""
        found = {key: self.record.get(key) for key in keys}
        return {key: as_json(value) if isinstance(value, dict) else value for key, value in found.items()}


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their whole path: `optimiser.alpha`."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        inner = isinstance(value, Mapping) and value
        found |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return found


def texts(config: Mapping[str, Any]) -> dict[str, str]:
    """The values of settings as JSON text, by their whole path."""
    return {key: as_json(value) for key, value in flat(config).items()}


def shared(settings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The settings that are the same in all runs; where there is one run alone, all but its seed."""
    first = settings[0]
    return {key: value for key, value in first.items() if key != "seed" and all(s.get(key) == value for s in settings)}


def apart(configs: Sequence[str], also: Collection[str] = ()) -> list[str]:
    """For each configuration (JSON) the decisive keys in which it differs from the others: `learning_rate 0.01`.

    `also`: keys, or whole paths of them, that are not looked at, beside NO_SETTING and NAMED. Of a vision stem that was
    trained beforehand it is the fingerprint.
    """
    return [", ".join(f"{key} {value}" for key, value in one.items()) for one in differences(configs, also)]


def differences(configs: Sequence[str], also: Collection[str] = ()) -> list[dict[str, str]]:
    """The same as keys and values, written as in figures and tables."""
    ignored, found = (*NO_SETTING, *NAMED, *also), []
    for config in configs:
        given = asked(decisive(json.loads(config)))
        stem = given.get("pretrained") or {}
        kept = {key: value for key, value in given.items() if key not in ignored}
        written = {key: value for key, value in texts(kept).items() if key not in ignored}
        found.append(written | ({"stem": stem["fingerprint"]} if stem.get("fingerprint") else {}))
    same = shared(found) if found else {}
    return [
        {key.rpartition(".")[2]: _written(key, value) for key, value in one.items() if key not in same} for one in found
    ]


def _written(key: str, text: str) -> str:
    """A setting's value, given as JSON text: `20`, not `20.0`."""
    value: Any = json.loads(text) if key != "stem" else text
    if key == "retention":
        return "as in the paper" if value is None else labels.retention(value)
    return f"{value:.15g}" if isinstance(value, float) else text.strip('"')


def told_apart(found: pd.DataFrame, keys: Sequence[str], also: Collection[str] = ()) -> pd.DataFrame:
    """The rows with a column `apart`: in which settings those with equal `keys` differ, other than in `also`."""
    if found.empty:
        return found.assign(apart="")
    groups = [group for _, group in found.groupby(list(keys), dropna=False, observed=True, sort=False)]
    said = [group.assign(apart=apart(list(group["config"]), also)) for group in groups]
    return pd.concat(said).loc[found.index]


def as_json(value: Any) -> str:
    """Keys and values as text that is the same whenever they are."""
    return json.dumps(value, sort_keys=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of this schema."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        why = "the run has not finished; start it again to continue; if it ended with an error, run.log says why"
        raise Unusable(f"{path.name} is missing: {why}") from None
    except (OSError, ValueError) as error:
        raise Unusable(f"{path.name} cannot be read ({error})") from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise Unusable(f"{path.name}: expected an object with schema {SCHEMA}")
    return value


def read_csv(path: Path, columns: Collection[str], texts: Collection[str] = ()) -> pd.DataFrame:
    """A table with at least these columns: `texts` ("" where one is missing), all others numbers (nan)."""
    try:
        frame = pd.read_csv(path, dtype=dict.fromkeys(texts, str))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path.name} cannot be read ({error})") from error
    missing = [column for column in dict.fromkeys((*texts, *columns)) if column not in frame]
    if missing:
        raise Unusable(f"{path.name}: no column {', '.join(missing)}")
    for column in frame.columns.difference(list(texts)):
        try:
            frame[column] = pd.to_numeric(frame[column])
        except ValueError as error:
            raise Unusable(f"{path.name}, column {column}: {error}") from error
    return frame.fillna(dict.fromkeys(texts, ""))


def read_run(root: Path, folder: str) -> Run:
    """The record of the finished run in `folder`, held against the folder's config.yaml."""
    record = read_json(root / folder / RECORD)
    if record.get("status") != "complete":
        raise Unusable(f"{RECORD}: status is {record.get('status')!r}, expected 'complete'")
    config = record.get("config")
    if not isinstance(config, dict):
        raise Unusable(f"{RECORD}: expected the run's configuration under the key config")
    if not isinstance(record.get("kind"), str):
        raise Unusable(f"{RECORD}: expected the kind of the run under the key kind")
    stale = _outdated(root / folder / "config.yaml", config)
    if stale:
        raise Unusable(f"{RECORD} was made from another configuration than config.yaml ({', '.join(stale)})")
    return Run(root / folder, folder, record, config)


def _outdated(path: Path, config: Mapping[str, Any]) -> list[str]:
    """Keys of config.yaml, if it is there, that differ from the configuration of the finished run."""
    if not path.exists():
        return []
    try:
        current = load_yaml(path)
    except ConfigError as error:
        raise Unusable(str(error).removeprefix(f"{path.parent}/")) from error
    if not isinstance(current, dict):
        raise Unusable("config.yaml: expected keys and values")
    made = decisive(config)
    return sorted(key for key, value in decisive(current).items() if not _agrees(value, made.get(key)))


def _agrees(part: Any, whole: Any) -> bool:
    """Equality; of nested keys and values, of those in `part`."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_agrees(value, whole.get(key)) for key, value in part.items())
    return bool(part == whole)
