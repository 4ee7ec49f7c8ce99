"""Checkpoints that survive kills: written aside, flushed, renamed; checksummed; loaded without running any code."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

_MAGIC = b"rtrl-bench checkpoint 1 sha256 "
KEPT = 2  # the newest and the one before, should the newest be damaged


class CheckpointError(RuntimeError):
    """No usable checkpoint where there should be one."""


def save(folder: Path, state: dict[str, Any], updates: int) -> Path:
    """Write `state` (tensors and plain values) as the newest checkpoint in `folder`; atomic under a kill."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{updates:012d}.ckpt"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(_MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def read(path: Path) -> dict[str, Any]:
    """The state in one checkpoint file; CheckpointError if it is damaged, of another format, or holds code."""
    data = path.read_bytes()
    header, newline, payload = data.partition(b"\n")
    if not newline or not header.startswith(_MAGIC):
        raise CheckpointError(f"{path}: not a checkpoint of this format, or cut short")
    if hashlib.sha256(payload).hexdigest().encode() != header[len(_MAGIC) :]:
        raise CheckpointError(f"{path}: damaged (its checksum does not match)")
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be loaded safely ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, expected a dictionary")
    return state


def load_newest(folder: Path) -> dict[str, Any] | None:
    """The newest good checkpoint, None if there are none; a damaged one is named on stderr and passed over.

    Raises CheckpointError when there are checkpoints and none of them is good.
    """
    problems = []
    for path in _newest_first(folder):
        try:
            return read(path)
        except CheckpointError as error:
            problems.append(str(error))
            print(f"warning: {error}; trying the one before", file=sys.stderr)
    if problems:
        raise CheckpointError(
            f"no usable checkpoint in {folder}: {'; '.join(problems)}. Remove the folder to start the run again"
        )
    return None


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """Inside, a good checkpoint is taken over; a CheckpointError if it is not of this program's making."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        what = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"the checkpoint in {folder} does not fit this version ({what}): go on with the versions that began the "
            "run, or remove the folder to start it again"
        ) from error


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ckpt"), reverse=True)
