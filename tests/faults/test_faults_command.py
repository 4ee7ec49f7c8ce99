"""`make test-faults` itself."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_command_of_make_test_faults_is_one_that_pytest_takes(tmp_path):
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "--fault-table" in line)
    page = tmp_path / "faults.md"  # there already, as docs/faults.md is
    page.touch()
    line = line.replace("$(BIN)/python", sys.executable).replace("docs/faults.md", str(page))
    words = [*shlex.split(line), "--collect-only", "--ignore-glob=tests/[!f]*"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "test_faults_kill.py" in done.stdout
