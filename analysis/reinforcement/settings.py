"""One row per setting: the seeds' statistics, the budget, and how the setting differs from the paper's."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from analysis import methods
from analysis.load import Results
from analysis.records import told_apart
from analysis.reinforcement import paper
from analysis.stats import summarise

COLUMNS = [
    *("suite", "environment", "options", "other_options", "delay", "method", *methods.COLUMNS, "unroll", "retention"),
    *("learning_rate", "backend", "n", "seeds", "mean", "std", "iqm", "low", "high", "env_frames", "budget_fraction"),
    *("pretrained", "evaluation_episodes", "evaluation_truncated", "evaluation_lives", "life_mean", "life_std"),
    *("conditions", "settings", "verdict", "setting", "pairing", "memory_task", "config"),
]


@lru_cache(maxsize=1)
def settings(results: Results) -> pd.DataFrame:
    """Runs that differ in seed alone, as one row with COLUMNS; a memory task's score is its success rate."""
    runs = results["runs"]
    frame = pd.DataFrame([_row(group) for _, group in runs.groupby("setting", sort=False)], columns=COLUMNS)
    frame = frame.astype({"method": runs["method"].dtype, "memory_task": bool})
    keys = ["suite", "environment", "other_options", "delay", "unroll", "retention", "method", "learning_rate"]
    return frame.sort_values(keys, kind="stable").reset_index(drop=True)


def _row(group: pd.DataFrame) -> dict[str, object]:
    first = group.iloc[0]
    different = paper.differences(first)
    row = {
        **{column: first[column] for column in COLUMNS if column in first.index},
        **vars(summarise(group["score"])),
        "seeds": " ".join(str(seed) for seed in sorted(group["seed"])),
        **{f"evaluation_{key}": int(group[f"evaluation_{key}"].sum()) for key in ("episodes", "truncated", "lives")},
        "life_mean": group["life_score"].mean(),
        "life_std": group["life_score"].std(),
        "conditions": "; ".join(different.conditions),
        "settings": "; ".join(different.settings.values()),
    }
    return {**row, "verdict": paper.verdict(pd.Series(row), different)}


def rows_apart(frame: pd.DataFrame, *shown: str) -> pd.DataFrame:
    """Rows with `apart` for `config`: in what else than `shown` those of one task, method and M differ."""
    rows = ["environment", "options", "unroll", "method"]
    return told_apart(frame, rows, shown).drop(columns="config")
