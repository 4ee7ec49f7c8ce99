"""`make setup`: an environment whose pip works; its own lines are printed, pip's words only where pip fails."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _script(path, lines):
    """An executable of these lines of the shell, in a folder of its own."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def _setup(folder, pip, first_on_path="/nowhere"):
    """The set-up with a Python that is there already and whose pip is the shell's lines `pip`."""
    _script(folder / "bin/python", f'[ "$2" = pip ] || exit 0\n{pip}')
    environment = {**os.environ, "PATH": f"{first_on_path}:{os.environ['PATH']}"}
    command = ["bash", "workflow/scripts/setup.sh", folder]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_warnings_of_a_pip_that_succeeds_are_not_shown(tmp_path):
    done = _setup(tmp_path, "echo WARNING: a location is ignored >&2; echo DEPRECATION: of setup.py")
    assert done.returncode == 0
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("installing requirements.lock into")


def test_a_pip_that_fails_is_heard_and_ends_the_set_up(tmp_path):
    done = _setup(tmp_path, '[ "$3" = --version ] || { echo ERROR: no matching distribution >&2; exit 1; }')
    assert done.returncode == 1
    assert done.stderr == "ERROR: no matching distribution\n"


def test_an_environment_without_a_pip_that_works_is_made_anew(tmp_path):
    _script(
        tmp_path / "path/python3.11", f"""[ "$1" != -m ] || {{ echo "$@" >{tmp_path}/asked; echo >"$4/bin/python"; }}"""
    )
    done = _setup(tmp_path / "venv", "exit 1", first_on_path=tmp_path / "path")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text() == f"-m venv --clear {tmp_path}/venv\n"
