"""Sequence tasks

Share of test sequences that are answered right wherever an answer counts, mean ± standard deviation over n seeds, and
the steps after which validation first met the criterion of the task: all sequences right, unless the task says
otherwise (99 % for adding, 95 % for digits); median over the seeds that met it. A run ends there. Steps are those of
one slot of the batch. With a curriculum training begins with the shortest sequences and adds those of the next length
whenever so many of those before are right in validation; the test has all lengths. Copy: the paper reports 100 % for
sequences up to a length of 1000; docs/deviations.md says what its released data ask for.
"""

from __future__ import annotations

import json
from functools import partial

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.sequences.load import described
from analysis.tables import Table, differing, texts

KEYS = ["task", "options", "method", "unroll", "update", "hidden", "batch", "retention", "curriculum", "learning_rate"]


def build(results: Results) -> Table:
    """A row per setting."""
    runs = results["sequence_runs"]
    if runs.empty:
        raise NothingToShow("no finished runs on sequence tasks")
    grouped = runs.groupby([*KEYS, "setting"], dropna=False, observed=True)
    frame = grouped.agg(
        n=("folder", "size"),
        accuracy_mean=("accuracy", "mean"),
        accuracy_std=("accuracy", "std"),
        solved=("solved", "sum"),
        steps_to_solve_median=("steps_to_solve", "median"),
        steps=("steps", "max"),
        wall_s=("wall_s", "median"),
        config=("config", "first"),
    ).reset_index()
    frame = told_apart(frame, KEYS, KEYS).drop(columns=["setting", "config"])
    text = {
        "Task": texts(frame, lambda task, options: described(task, json.loads(options)), "task", "options"),
        "Method": frame["method"],
        "M": texts(frame, _segment, "unroll", "update"),
        "Hidden": frame["hidden"].astype(str),
        "Batch": frame["batch"].astype(str),
        "Retention": frame["retention"].map(labels.retention),
        **_curriculum(frame),
        "Learning rate": frame["learning_rate"].map("{:g}".format),
        **differing(frame),
        "Accuracy": texts(frame, partial(labels.plus_minus, digits=3), "accuracy_mean", "accuracy_std"),
        "Steps to solve": frame["steps_to_solve_median"].map(labels.count),
        "Solved": texts(frame, "{} of {}".format, "solved", "n"),
        "Steps run": frame["steps"].map(labels.count),
        "n": frame["n"].astype(str),
    }
    return Table(frame, pd.DataFrame(text))


def _curriculum(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """The share of right answers at which a run adds the next length; no column where no run has a curriculum."""
    shares = frame["curriculum"].map("{:.0%}".format, na_action="ignore")
    return {"Curriculum": shares.fillna("none")} if shares.notna().any() else {}


def _segment(unroll: float, update: str) -> str:
    """M, or that an update takes whole sequences."""
    return "sequence" if update == "sequence" else labels.count(unroll)
