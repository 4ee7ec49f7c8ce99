"""Which module `deepmind_lab` is in a test, and what a stand-in of it was asked for."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

PLACE = Path(__file__).parent / "fake_deepmind_lab"
SIMULATORS = ["stand-in"] + ["real"] * (importlib.util.find_spec("deepmind_lab") is not None)


@contextmanager
def lab(kind, folder):
    """Let the processes that are started find the simulator, and write nowhere but in `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        if kind == "stand-in":
            patch.syspath_prepend(PLACE)
            (folder / "log").mkdir()
            patch.setenv("STAND_IN_LOG", str(folder / "log"))
            patch.setenv("PATH", str(_zip_program(folder / "programs")), prepend=os.pathsep)
        (folder / "temporary").mkdir()
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        patch.setenv("TMPDIR", str(folder / "temporary"))
        patch.setenv("RTRL_BENCH_CACHE", str(folder / "cache"))
        yield


def _zip_program(folder):
    """`zip`, which the simulator calls to pack maps, written with Python's module: a machine may have none."""
    folder.mkdir()
    program = folder / "zip"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zipfile -c "$@"\n')
    program.chmod(0o755)
    return folder


def calls(folder, name):
    """The arguments of all calls of that name to stand-ins that write in `folder`: a list per slot of a batch.

    What only was made and closed is no slot: availability is found so.
    """
    found = []
    for log in (folder / "log").iterdir():
        made, *more = map(json.loads, log.read_text().splitlines())
        if all(call["call"] == "close" for call in more):
            continue
        found.append((made["temp_folder"], [call for call in (made, *more) if call["call"] == name]))
    return [calls for _, calls in sorted(found)]
