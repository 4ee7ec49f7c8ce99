"""What the files of a run on a sequence task say, as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import methods
from analysis.records import QUALITY_KEYS, Run, as_json
from analysis.sequences import SUITES

KEYS = (
    "task steps updates sequences wall_s accuracy solved steps_to_solve parameters carried_bytes peak_bytes device"
    " git_revision versions"
).split()
SETTINGS = ["update", "unroll", "hidden", "batch", "retention", "curriculum", "learning_rate", "seed"]
FRAMES = {
    "sequence_runs": [
        *("folder", *KEYS, *methods.COLUMNS, "method", *SETTINGS, "options", "config"),
        *(f"gradient_{key}" for key in QUALITY_KEYS),
        *("setting", "tuned"),
    ],
    "sequence_tuning": ["folder", *KEYS, *methods.COLUMNS, "method", *SETTINGS, "options", "config", "tuned"],
    "sequence_tests": ["folder", "options", "accuracy"],
    "sequence_curves": ["folder", "steps", "valid_accuracy"],
}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a run by frame. One by which a learning rate was chosen (`lent`) is no result."""
    options = json.loads(run.keys(["task_options"])["task_options"])
    row = {
        "folder": run.folder,
        **run.keys(KEYS),
        **methods.of_config(run.config),
        **{key: run.config.get(key) for key in SETTINGS},
        "options": as_json(options),
        **{f"gradient_{key}": value for key, value in run.quality().items()},
        "config": as_json(run.config),
        "setting": run.setting(),
        "tuned": run.setting("learning_rate", "test_options"),
    }
    index = {
        **row,
        "suite": SUITES["sequences"],
        "task": described(row["task"], options) + (", tuning" if lent else ""),
        "score": row["accuracy"],
    }
    if lent:
        return {"sequence_tuning": row, "index": index}
    tests = [
        {"folder": run.folder, "options": as_json(options | test["options"]), "accuracy": test["accuracy"]}
        for test in run.keys(["tests"])["tests"]
    ]
    tested = pd.DataFrame(tests, columns=FRAMES["sequence_tests"])
    curve = run.table("curve.csv", ["steps", "valid_accuracy"])
    return {"sequence_runs": row, "index": index, "sequence_tests": tested, "sequence_curves": curve}


def finish(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The methods in their order."""
    return {name: methods.named(frames[name]) for name in ("sequence_runs", "sequence_tuning")}


def described(task: str, options: Mapping[str, Any]) -> str:
    """`copy, length 5`."""
    return ", ".join([task, *(f"{key} {value}" for key, value in options.items())])
