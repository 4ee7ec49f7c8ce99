"""Checkpoints that survive kills: written aside, flushed, renamed; with a checksum; loaded without running any code.

They are streamed to the disk and back: no copy of them is made in memory.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch

from rtrl_bench.errors import CheckpointError, Failure
from rtrl_bench.system.files import whole_file
from rtrl_bench.system.output import say

FORMAT = 1
_HEADER = re.compile(rb"rtrl-bench checkpoint (\d+) sha256 ([0-9a-f]{64})")
KEPT = 2  # the newest and the one before, should the newest be damaged


def save(folder: Path, state: dict[str, Any], updates: int) -> Path:
    """Write `state` (tensors and plain values) as the newest checkpoint in `folder`; atomic under a kill.

    Removes all but the newest two, and what a killed process left: half-written files, and later checkpoints that this
    run did not go on from because they were damaged. If the file cannot be written, Unwritable names it, and the
    checkpoints that are there stay.
    """
    path = folder / f"{updates:012d}.ckpt"
    with whole_file(path) as file:
        file.write(_header("0" * 64))
        payload = _Hashed(file)
        payload.take(state)
        file.seek(0)
        file.write(_header(payload.digest.hexdigest()))
    kept = [other for other in _newest_first(folder) if other <= path][:KEPT]
    for old in set(folder.glob("*.ckpt*")) - set(kept):
        old.unlink(missing_ok=True)
    return path


def _header(digest: str) -> bytes:
    return f"rtrl-bench checkpoint {FORMAT} sha256 {digest}\n".encode()


class _Hashed:
    """Hands what torch.save writes on to a file, and makes its checksum on the way."""

    def __init__(self, file: BinaryIO):
        self.digest = hashlib.sha256()
        self._file = file
        self._failure: OSError | None = None

    def take(self, state: dict[str, Any]) -> None:
        """Write `state`; OSError if that fails."""
        try:
            torch.save(state, cast(IO[bytes], self))
        except Exception:
            if self._failure is not None:  # of which torch makes an error of its own
                raise self._failure from None
            raise

    def write(self, data: Any) -> int:
        """As the file's."""
        self.digest.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            self._failure = error
            raise

    def flush(self) -> None:
        """Left to whoever opened the file."""


class _Payload(io.RawIOBase):
    """What comes behind the header of an open file, as a file of its own."""

    def __init__(self, file: io.BufferedReader):
        self._file, self._first = file, file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            offset += self._first
        return self._file.seek(offset, whence) - self._first

    def tell(self) -> int:
        return self._file.tell() - self._first


def read(path: Path) -> dict[str, Any]:
    """The state in one checkpoint file; CheckpointError if it is damaged, of another format, or holds code."""
    try:
        with path.open("rb") as file:
            _check(path, file)
            state = torch.load(cast(IO[bytes], _Payload(file)), map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be loaded safely ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, expected a dictionary")
    return state


def _check(path: Path, file: io.BufferedReader) -> None:
    """Read a checkpoint's header and go on to its payload; CheckpointError if that is not what the header says."""
    match = _HEADER.fullmatch(file.readline(200).removesuffix(b"\n"))
    if match is None:
        raise CheckpointError(f"{path}: not a checkpoint, or cut short")
    if int(match[1]) != FORMAT:
        raise CheckpointError(
            f"{path}: has format {int(match[1])}, expected {FORMAT}; another version of rtrl-bench wrote it"
        )
    first = file.tell()
    if hashlib.file_digest(file, "sha256").hexdigest().encode() != match[2]:
        raise CheckpointError(f"{path}: damaged (its checksum does not match)")
    file.seek(first)


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
    """Inside, a good checkpoint is taken over; a CheckpointError if it is not of this program's making.

    A simulator that fails meanwhile, or memory that runs out, says nothing about the checkpoint.
    """
    try:
        yield
    except (Failure, torch.OutOfMemoryError):
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        what = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"the checkpoint in {folder} does not fit this version ({what}): go on with the versions that began the "
            "run, or remove the folder to start it again"
        ) from error


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ckpt"), reverse=True)
