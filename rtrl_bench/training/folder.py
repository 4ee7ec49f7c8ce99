"""A run's folder: what an earlier process left in it, and whether this run may go on there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.training import checkpoint
from rtrl_bench.training.source import finished_record


@dataclass
class Past:
    """record: of this very run, if it is finished; state: its newest checkpoint; other: another run's fingerprint."""

    record: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    other: str | None = None


def examine(folder: Path, fingerprint: str, outputs: tuple[str, ...], restart_if_changed: bool) -> Past:
    """What `folder` holds for the run `fingerprint` that writes `outputs`, run.json among them. Changes nothing.

    Raises ConfigError when it holds another configuration's run, unless that may be set aside; CheckpointError when
    there are checkpoints and none of them is good.
    """
    record = finished_record(str(folder))
    if record is None and (folder / "run.json").exists():
        print(f"warning: {folder / 'run.json'}: damaged, or of an unfinished run; written again", file=sys.stderr)
    if record and record["fingerprint"] == fingerprint and all((folder / name).exists() for name in outputs):
        return Past(record=record)
    state = checkpoint.load_newest(folder / "checkpoint")
    if state is not None:
        with checkpoint.fitting(folder / "checkpoint"):
            mine = state["fingerprint"] == fingerprint
        if mine:
            return Past(state=state)
    other = next((found["fingerprint"] for found in (state, record) if found), fingerprint)
    if other == fingerprint:
        return Past()
    if not restart_if_changed:
        raise ConfigError(
            f"output folder {folder} holds a run of another configuration (fingerprint {other}, this one is "
            f"{fingerprint}): choose another folder, or --restart-if-changed to set that run aside"
        )
    return Past(other=other)


def set_aside(folder: Path, fingerprint: str, outputs: tuple[str, ...]) -> None:
    """Move another configuration's checkpoints and records into a folder of their own, losing nothing."""
    target, number = folder / f"replaced.{fingerprint}", 1
    while target.exists():
        number += 1
        target = folder / f"replaced.{fingerprint}.{number}"
    target.mkdir()
    for name in ("checkpoint", *outputs):
        if (folder / name).exists():
            (folder / name).rename(target / name)
