"""The run that faults are injected into, once without any."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import SETTINGS, Program, command


@dataclass(frozen=True)
class Whole:
    """A run that nothing happened to, and how long it took."""

    folder: Path
    wall_s: float


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert Program(command(SETTINGS, folder / "first"), folder / "log").exit_code() == 0  # starts the fork server
    began = time.perf_counter()
    assert Program(command(SETTINGS, folder / "run"), folder / "log").exit_code() == 0
    return Whole(folder / "run", time.perf_counter() - began)
