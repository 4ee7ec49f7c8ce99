"""Checkpoints that survive kills: written aside, flushed, renamed; checksummed; loaded without running any code."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from rtrl_bench.errors import CheckpointError
from rtrl_bench.files import write_whole
from rtrl_bench.output import say

FORMAT = 1
_HEADER = re.compile(rb"rtrl-bench checkpoint (\d+) sha256 ([0-9a-f]{64})")
KEPT = 2  # the newest and the one before, should the newest be damaged


def save(folder: Path, state: dict[str, Any], updates: int) -> Path:
    """Write `state` (tensors and plain values) as the newest checkpoint in `folder`; atomic under a kill.

    Removes older ones, and what can only be damaged: newer ones that this run did not go on from, and parts of files.
    Unwritable names the file if it cannot be written; the checkpoints that there are then stay.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    path = folder / f"{updates:012d}.ckpt"
    digest = hashlib.sha256(payload).hexdigest()
    write_whole(path, f"rtrl-bench checkpoint {FORMAT} sha256 {digest}\n".encode() + payload)
    kept = [file for file in _newest_first(folder) if file <= path][:KEPT]
    for file in set(folder.glob("*.ckpt*")) - set(kept):
        file.unlink(missing_ok=True)
    return path


def read(path: Path) -> dict[str, Any]:
    """The state in one checkpoint file; CheckpointError if it is damaged, of another format, or holds code."""
    try:
        header, _, payload = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    match = _HEADER.fullmatch(header)
    if match is None:
        raise CheckpointError(f"{path}: not a checkpoint, or cut short")
    if int(match[1]) != FORMAT:
        raise CheckpointError(
            f"{path}: has format {int(match[1])}, expected {FORMAT}; another version of rtrl-bench wrote it"
        )
    if hashlib.sha256(payload).hexdigest().encode() != match[2]:
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
            say(f"warning: {error}; trying the one before")
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
