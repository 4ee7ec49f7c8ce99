"""A wall clock that jumps changes dates in records, and nothing else."""

from __future__ import annotations

import json
import os
import time

import injections
import pytest
from processes import SETTINGS, Program, assert_same_records, checkpoints, command
from small_runs import config

from rtrl_bench.experiments import execute


@pytest.mark.injects(
    "the wall clock jumps, a day ahead and a year back", "time.time and datetime.now, replaced", "the same records"
)
def test_a_jumping_clock_changes_no_result(whole, tmp_path, observed):
    folder = tmp_path / "run"
    assert Program(command(SETTINGS, folder), tmp_path / "log", injections.jumping_clock).exit_code() == 0
    assert_same_records(whole.folder, folder)
    record = json.loads((folder / "run.json").read_text())
    assert 0 < record["wall_s"] < 60
    assert record["started_utc"] > record["finished_utc"]  # the clock did jump
    observed("the dates in run.json, as the clock told them; durations are right")


@pytest.mark.injects("files of a run are dated in the future or past", "their dates", "the newest checkpoint is taken")
@pytest.mark.parametrize("days", [-400, 400])
def test_dates_of_checkpoints_do_not_matter(tmp_path, observed, days):
    folder = tmp_path / "run"
    whole = execute(config(), folder)
    for name in ("run.json", "curve.csv", "evaluation.json"):
        (folder / name).unlink()
    moment = time.time() + 86_400 * days
    os.utime(checkpoints(folder)[0], (moment, moment))
    record = execute(config(), folder)
    assert (record["resumes"], record["evaluation"]) == (0, whole["evaluation"])  # nothing was trained again
    observed(f"{days:+} days: the same records")
