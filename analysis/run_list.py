"""Every run, task by task: its settings as a difference to what the task's runs share, its records and versions."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from analysis import labels, methods
from analysis.load import Results
from analysis.records import shared, texts


def groups(results: Results) -> list[dict[str, Any]]:
    """Per kind, task and M: `title`, `shared` settings, and `runs`, each with what it differs in."""
    index = results["index"]
    made = []
    for (_, task, unroll), runs in index.groupby(["suite", "task", "unroll"], sort=False, dropna=False, observed=True):
        settings = {folder: texts(json.loads(text)) for folder, text in zip(runs["folder"], runs["config"])}
        same = shared(list(settings.values()))
        names = methods.named(runs)["method"] if runs["gradient"].notna().all() else pd.Series("", runs.index)
        rows = [
            {
                "folder": run["folder"],
                "method": name,
                "seed": labels.whole(run["seed"]),
                "score": labels.number(run["score"]),
                "differs": _text({k: v for k, v in settings[run["folder"]].items() if k not in same and k != "seed"}),
                "versions": ", ".join(f"{k} {v}" for k, v in json.loads(run["versions"]).items()),
                "revision": str(run["git_revision"])[:12],
                "time": labels.duration(run["wall_s"]),
            }
            for (_, run), name in zip(runs.iterrows(), names)
        ]
        title = f"{task}, M = {unroll:g}" if unroll == unroll else str(task)  # nan: no M
        made.append({"title": title, "shared": _text(same), "runs": rows})
    return made


def _text(settings: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(settings.items()))
