"""A run's folder: what an earlier process left in it, whether this run may go on there, and what is not ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.records import RECORD, finished_record
from rtrl_bench.runs.settings import RunSettings, decisive, dump, fingerprint_of, load_settings, to_dict
from rtrl_bench.system.files import write_whole
from rtrl_bench.system.output import say

CONFIG = "config.yaml"
TELLING = ("checkpoint", RECORD)  # of which run it is: set aside last, so that a kill in between loses nothing


@dataclass
class Found:
    """What a folder holds for a run.

    record: of this very run, if it is finished; state: its newest checkpoint; other: another run's fingerprint.
    """

    record: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    other: str | None = None


def examine(
    folder: Path, config: RunSettings, outputs: tuple[str, ...], leaves: tuple[str, ...], restart_if_changed: bool
) -> Found:
    """What `folder` holds for the run `config` that writes `outputs`, the record among them. Changes nothing.

    leaves: all that a run of its kind may leave beside its configuration, checkpoints and record.

    Raises ConfigError if it holds another configuration's run that may not be set aside, or files of unknown origin
    that would be overwritten; CheckpointError if there are checkpoints and none of them is good.
    """
    fingerprint = config.fingerprint()
    record = finished_record(folder)
    if record and record["fingerprint"] == fingerprint and all((folder / name).exists() for name in outputs):
        return Found(record=record)
    state = checkpoint.load_newest(folder / "checkpoint")
    found = []
    if state is not None:
        with checkpoint.fitting(folder / "checkpoint"):
            found.append(state["fingerprint"])
    if record:
        found.append(record["fingerprint"])
    if not found:
        _check_free(folder, (*leaves, RECORD))
    if found and found[0] != fingerprint:
        if not restart_if_changed:
            differences = _differences(folder / CONFIG, found[0], config)
            raise ConfigError(
                f"output folder {folder} holds a run of another configuration{differences}: choose another folder, or "
                "--restart-if-changed to set that run aside"
            )
        return Found(other=found[0])
    _check_config(folder / CONFIG, config)
    if state is not None and record is None and (folder / RECORD).exists():
        say(f"warning: {folder / RECORD}: damaged, or of an unfinished run; written again")
    return Found(state=state)


def _check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuse (ConfigError) a folder that holds files of these names where no run is known to have made them."""
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise ConfigError(
            f"output folder {folder} holds {', '.join(there)} and no run that made it: it would be overwritten; move "
            "it away, or choose another folder"
        )


def _check_config(path: Path, config: RunSettings) -> None:
    """Refuse (ConfigError) to overwrite a configuration that a person wrote for something else."""
    if path.exists() and not _is_of(path, config) and not _is_ours(path, config):
        raise ConfigError(
            f"{path} is not the configuration of this run, and would be overwritten; move it away, or choose another "
            "output folder"
        )


def write_config(folder: Path, config: RunSettings) -> None:
    """Write config.yaml, unless a person has written the same there in other words."""
    path = folder / CONFIG
    if not path.exists() or _is_ours(path, config):
        write_whole(path, dump(config).encode())


def _is_of(path: Path, config: RunSettings) -> bool:
    """Whether a configuration file is that of the run `config`; which run a stem comes from may be left open in it."""
    theirs = _read(path, config)
    if theirs is None:
        return False
    settings = to_dict(theirs)
    if settings.get("pretrained") and settings["pretrained"]["fingerprint"] is None:
        settings["pretrained"]["fingerprint"] = (to_dict(config)["pretrained"] or {}).get("fingerprint")
    return fingerprint_of(settings) == config.fingerprint()


def _is_ours(path: Path, config: RunSettings) -> bool:
    """Whether a configuration file is word for word what a program of ours writes: nothing in it can be lost."""
    theirs = _read(path, config)
    return theirs is not None and dump(theirs) == path.read_text(encoding="utf-8")


def _read(path: Path, config: RunSettings) -> RunSettings | None:
    """The configuration in a file, of the kind of `config`; None if it is none."""
    try:
        return load_settings(type(config), path)
    except ConfigError:
        return None


def _differences(path: Path, fingerprint: str, config: RunSettings) -> str:
    """In brackets, in which decisive settings `config` differs from the run that the file and fingerprint are of.

    Where the file is of no such run, the fingerprints, which do differ.
    """
    theirs = _read(path, config)
    if theirs is None or theirs.fingerprint() != fingerprint:
        return f" (fingerprint {fingerprint}, this one is {config.fingerprint()})"
    before, now = (_flat(decisive(to_dict(settings))) for settings in (theirs, config))
    changed = [key for key in before | now if before.get(key) != now.get(key)]
    return f" ({'; '.join(f'{key} {before.get(key)}, now {now.get(key)}' for key in changed)})"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys with dots between them."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def set_aside(folder: Path, fingerprint: str, config: RunSettings, leaves: tuple[str, ...]) -> None:
    """Move all that another configuration's run has left into a folder of its own, losing nothing.

    A config.yaml that is already that of the new run, `config`, stays.
    """
    mine = (folder / CONFIG).exists() and _is_of(folder / CONFIG, config)
    _move_aside(folder, fingerprint, [*([] if mine else [CONFIG]), *leaves, *TELLING])


def _move_aside(folder: Path, fingerprint: str, names: Iterable[str]) -> None:
    """Move the files and folders `names` into a new folder, one after the other."""
    target, number = folder / f"replaced.{fingerprint}", 1
    while target.exists():
        number += 1
        target = folder / f"replaced.{fingerprint}.{number}"
    target.mkdir()
    for name in names:
        if (folder / name).exists():
            (folder / name).rename(target / name)
