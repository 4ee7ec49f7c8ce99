"""What the files of a run on a sequence task say, as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import methods
from analysis.records import QUALITY_KEYS, Run, as_json, read_csv
from analysis.sequences import SUITES

KEYS = (
    "task steps updates sequences wall_s accuracy solved steps_to_solve parameters carried_bytes peak_bytes device"
    " git_revision versions"
).split()
SETTINGS = ["update", "unroll", "hidden", "batch", "retention", "learning_rate", "seed"]
FRAMES = {
    "sequence_runs": [
        *("folder", *KEYS, *methods.COLUMNS, "method", *SETTINGS, "options"),
        *(f"gradient_{key}" for key in QUALITY_KEYS),
        "setting",
    ],
    "sequence_gradients": ["folder", "steps", "cosine"],
    "sequence_tests": ["folder", "options", "accuracy"],
}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a run by frame."""
    options = json.loads(run.keys(["task_options"])["task_options"])
    row = {
        "folder": run.folder,
        **run.keys(KEYS),
        **methods.of_config(run.config),
        **{key: run.config.get(key) for key in SETTINGS},
        "options": as_json(options),
        **{f"gradient_{key}": value for key, value in run.quality().items()},
        "setting": run.setting(),
    }
    frames: dict[str, Any] = {
        "sequence_runs": row,
        "index": {**row, "suite": SUITES["sequences"], "task": described(row["task"], options)},
        "sequence_tests": pd.DataFrame(
            [
                {"folder": run.folder, "options": as_json(options | test["options"]), "accuracy": test["accuracy"]}
                for test in run.record["tests"]
            ]
        ),
    }
    if run.record["gradient_quality"] is not None:
        frames["sequence_gradients"] = read_csv(run.path / "gradient.csv", ["steps", "cosine"]).assign(
            folder=run.folder
        )
    return frames


def finish(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The methods in their order."""
    return {"sequence_runs": methods.named(frames["sequence_runs"])}


def described(task: str, options: Mapping[str, Any]) -> str:
    """`copy, length 5`."""
    return ", ".join([task, *(f"{key} {value}" for key, value in options.items())])
