"""What `make setup` prints: its own lines; pip's words only where pip fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _setup(folder, pip):
    """The set-up with a Python that is there already and whose pip is the shell's lines `pip`."""
    python = folder / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\n[ "$2" = pip ] || exit 0\n{pip}\n')
    python.chmod(0o755)
    return subprocess.run(["bash", "workflow/scripts/setup.sh", folder], cwd=ROOT, capture_output=True, text=True)


def test_warnings_of_a_pip_that_succeeds_are_not_shown(tmp_path):
    done = _setup(tmp_path, "echo WARNING: a location is ignored >&2; echo DEPRECATION: of setup.py")
    assert done.returncode == 0
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("installing requirements.lock into")


def test_a_pip_that_fails_is_heard_and_ends_the_set_up(tmp_path):
    done = _setup(tmp_path, "echo ERROR: no matching distribution >&2; exit 1")
    assert done.returncode == 1
    assert done.stderr == "ERROR: no matching distribution\n"
