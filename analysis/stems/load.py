"""What the files of a taught vision stem say, as rows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.records import Run, Unusable, read_json
from analysis.reinforcement import SUITES, names

KEYS = "environment backend env_steps env_frames updates wall_s steps_per_s parameters device device_name".split()
LABELS = "label count accuracy accuracy_constant accuracy_none unit median_error median_error_constant".split()
FRAMES = {"stems": ["folder", *KEYS], "stem_labels": ["folder", "environment", "backend", "env_frames", *LABELS]}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a stem by frame."""
    row = {"folder": run.folder, **run.keys(KEYS)}
    same = {key: row[key] for key in ("folder", "environment", "backend", "env_frames")}
    found = read_json(run.path / "evaluation.json").get("labels")
    if not isinstance(found, list):
        raise Unusable("evaluation.json: expected a list under the key labels")
    labels = pd.DataFrame(found).reindex(columns=LABELS).assign(**same)
    suite, task = run.keys(["suite"])["suite"], names.environment(row["environment"], row["backend"])
    index = {**row, "suite": SUITES.get(suite, suite), "task": f"{task}, vision taught from the state"}
    return {"stems": row, "stem_labels": labels[FRAMES["stem_labels"]], "index": index}
