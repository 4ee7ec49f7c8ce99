"""Copy task

Share of test sequences that are copied without a single error, mean ± standard deviation over n seeds, and the number
of updates after which validation accuracy first reached 100 % (median over the seeds that reached it). The paper
reports 100 % for sequences up to a length of 1000; docs/deviations.md says what its released data ask for.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table, texts

KEYS = ["max_length", "method", "unroll", "update", "hidden", "batch", "retention"]


def build(results: Results) -> Table:
    """A row per setting."""
    runs = results["copy_runs"]
    if runs.empty:
        raise NothingToShow("no runs of this kind")
    grouped = runs.groupby([*KEYS, "setting"], dropna=False, observed=True)
    frame = grouped.agg(
        n=("folder", "size"),
        accuracy_mean=("test_sequence_accuracy", "mean"),
        accuracy_std=("test_sequence_accuracy", "std"),
        reached=("updates_to_100", "count"),
        updates_to_100_median=("updates_to_100", "median"),
        updates=("updates", "max"),
        wall_s=("wall_s", "median"),
    ).reset_index()
    frame = frame.drop(columns="setting")
    text = {
        "Max. length": frame["max_length"].astype(str),
        "Method": frame["method"],
        "M": frame["unroll"].map(labels.count),
        "Update": frame["update"],
        "Hidden": frame["hidden"].astype(str),
        "Batch": frame["batch"].astype(str),
        "Retention": frame["retention"].map(labels.retention),
        "Sequence accuracy": texts(frame, partial(labels.plus_minus, digits=3), "accuracy_mean", "accuracy_std"),
        "Updates to 100 %": frame["updates_to_100_median"].map(labels.count),
        "Reached 100 %": texts(frame, "{} of {}".format, "reached", "n"),
        "Updates run": frame["updates"].map(labels.count),
        "n": frame["n"].astype(str),
    }
    return Table(frame, pd.DataFrame(text))
