"""The GPU hours of docs/scaling.md are those of the benchmark that is kept with the project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = {"frozen stem": "paper: frozen stem", "pre-training": "paper: DMLab", "keys-doors": "paper: DMLab"}
RTRL = ("in_turn_steps_per_s", "beside_steps_per_s", "float32_steps_per_s")


def rows():
    """The cells of the table under 'On one GPU' whose speed was measured."""
    page = (ROOT / "docs/scaling.md").read_text(encoding="utf-8").partition("### On one GPU")[2]
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| Table")
    ]
    return [row for row in cells if row[4] != "not measured"]


def measured():
    """By setting, what the benchmark's loop section measured."""
    bench = json.loads((ROOT / "results/reference/gpu/runs/bench/h100/run.json").read_text(encoding="utf-8"))
    return {row["name"]: row for row in bench["sections"]["loop"]["rows"]}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_hours_are_steps_by_measured_speed(row):
    _, part, steps, runs, speed, share, hours = row
    setting = next((name for key, name in SETTINGS.items() if key in part), "paper: Atari")
    found = measured()[setting]
    fastest = max(found[mode] for mode in RTRL)
    assert (speed, share) == (f"{fastest:,.0f}", f"{100 * found['share_env']:.0f} %")
    millions = float(re.match(r"\d+", steps).group())
    assert hours == f"{millions * 1e6 * int(runs) / fastest / 3600:.0f}"


def test_every_part_that_was_measured_is_among_them():
    assert len(rows()) == 5
