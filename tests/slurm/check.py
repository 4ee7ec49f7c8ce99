"""What tests/slurm/run.sh asks of the results: `complete SCALE JOBS` or `same SCALE SCALE`, folders of results."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does for the tests
from small_runs import assert_same_run


def complete(scale: Path, jobs: Path) -> None:
    """Every run of the scale has its record, the report is there, and runs shared jobs."""
    listed = json.loads((scale / "scale.json").read_text())
    runs = set(listed["lent"]).union(*listed["studies"].values())
    records = [json.loads((scale / run / "run.json").read_text()) for run in sorted(runs)]
    assert all(record["status"] == "complete" for record in records)
    assert (scale / "report/index.html").exists()
    states = re.findall(r"JobState=(\S+)", jobs.read_text())
    assert set(states) == {"COMPLETED"}, states
    assert len(states) < len(runs), f"{len(states)} jobs for {len(runs)} runs: not grouped"
    print(f"{len(runs)} runs, tables, figures and report in {len(states)} jobs")


def same(parts: Path, whole: Path) -> None:
    """The only run of `parts` was continued, exactly, and ended as the one of `whole` that was not."""
    folders = [next(scale.glob("runs/**/run.json")).parent for scale in (parts, whole)]
    first, second = (json.loads((folder / "run.json").read_text()) for folder in folders)
    assert first["resumes"] >= 1
    assert first["exact_resume"]
    assert second["resumes"] == 0
    assert_same_run(*folders)
    print(f"continued {first['resumes']} times: {first['env_steps']:,} steps, parameters as without interruption")


if __name__ == "__main__":
    {"complete": complete, "same": same}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
