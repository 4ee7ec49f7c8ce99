"""The table of faults: a row per `@pytest.mark.injects(fault, how, expected)`, filled by the tests that make it.

Tests say what they saw through the fixture `observed`; `--fault-table FILE` writes the table (`make test-faults`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

OBSERVED = pytest.StashKey[list[str]]()
HEAD = """# Faults

Injected faults and their outcomes. Written by `make test-faults` from the results of its tests; "seen" is what those
tests noted down, with the number of times.

| fault | made by | expected | survived | seen |
|---|---|---|---|---|
"""
LIMITS = """
Survived in part, or not at all:

- A simulator that cannot save its state (Atari, DeepMind Lab, Gymnasium's) goes on with new episodes; `exact_resume` in
  run.json is then false.
- A signal in training waits for the end of the update: seconds with a small network, longer than 10 s where an update
  takes longer, as the paper's largest networks do on a CPU. A kill costs what was trained since the last checkpoint
  (`checkpoint_minutes`).
- A simulator that hangs while it holds Python's lock is not noticed: kill the process, the same command goes on.
- Images are whatever the simulator draws: only their shape and type are checked.
- A power cut has not been tried. Files are flushed before they get their names, folders are not.
"""


@dataclass
class Row:
    how: str
    expected: str
    outcomes: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    def cells(self) -> tuple[str, str, str, str]:
        tried = self.outcomes["passed"] + self.outcomes["failed"]
        survived = f"{self.outcomes['passed']} of {tried}" if tried else "not tried here"
        seen = [f"{what} (×{count})" if count > 1 else what for what, count in self.seen.items()]
        return self.how, self.expected, survived, "; ".join(seen)


class FaultTable:
    """A plugin of pytest."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        marker = item.get_closest_marker("injects")
        if marker is None or (report.when != "call" and report.passed):
            return
        fault, *more = marker.args
        row = self.rows.setdefault(fault, Row(*more))
        row.outcomes[report.outcome] += 1
        row.seen.update(item.stash.get(OBSERVED, []))
        if report.skipped:
            row.seen[f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}"] += 1

    def pytest_terminal_summary(self, terminalreporter, config):
        path = config.getoption("fault_table")
        if path is None:
            return
        lines = ["| " + " | ".join((fault, *row.cells())) + " |" for fault, row in self.rows.items()]
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(HEAD + "\n".join(lines) + "\n" + LIMITS)
        terminalreporter.write_sep("=", f"faults ({path})")
        for fault, row in self.rows.items():
            _, _, survived, seen = row.cells()
            terminalreporter.write_line(f"{survived:>14}  {fault}: {seen}")
