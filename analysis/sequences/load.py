"""What a copy-task run's files say, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.methods import DEFAULTS, named
from analysis.records import Run
from analysis.sequences import SUITES

KEYS = (
    "max_length updates wall_s test_sequence_accuracy updates_to_100 git_revision device peak_bytes versions"
).split()
SETTINGS = ["update", "unroll", "hidden", "batch", "retention", "learning_rate", "seed"]
FRAMES = {"copy_runs": ["folder", *KEYS, "gradient", "method", *SETTINGS, "setting"]}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a run by frame."""
    row = {
        "folder": run.folder,
        **run.keys(KEYS),
        "gradient": run.config["method"],
        **{key: run.config.get(key) for key in SETTINGS},
        "setting": run.setting(),
    }
    return {
        "copy_runs": row,
        "index": {**DEFAULTS, **row, "suite": SUITES["copy_task"], "task": f"length {row['max_length']}"},
    }


def finish(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The methods in their order."""
    return {"copy_runs": named(frames["copy_runs"])}
