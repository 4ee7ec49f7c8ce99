"""Learning rates

Of the methods that were tuned: the mean share of right test sequences with each learning rate that was tried, the same
ones for every method, over seeds that are not in the results. Best: the highest; ties go to the rate that needed
fewer steps, then to the lower rate. The results were trained with the best one unless the last column names another.
"""

from __future__ import annotations

import json

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.sequences.load import described
from analysis.tables import APART, Table

SETTING = ["task", "options", "method", "unroll", "hidden", "tuned"]


def build(results: Results) -> Table:
    """A row per setting that was tuned."""
    runs = results["sequence_tuning"]
    if runs.empty:
        raise NothingToShow("no learning rate was tuned")
    grouped = runs.groupby([*SETTING, "learning_rate"], observed=True)
    tried = grouped.agg(n=("folder", "size"), accuracy=("accuracy", "mean"), steps=("steps", "mean")).reset_index()
    taken = results["sequence_runs"].groupby("tuned")["learning_rate"].unique()
    tried["config"] = tried["tuned"].map(runs.groupby("tuned")["config"].first())
    tried = told_apart(tried, SETTING[:-1], [*SETTING, "learning_rate"]).drop(columns="config")
    rows, texts = [], []
    for _, scores in tried.groupby(SETTING, observed=True):
        first = scores.iloc[0]
        best = scores.sort_values(["accuracy", "steps", "learning_rate"], ascending=[False, True, True]).iloc[0]
        results_have = list(taken.get(first["tuned"], []))
        rows.append(scores.assign(best=best["learning_rate"], results=", ".join(map("{:g}".format, results_have))))
        texts.append(
            {
                "Task": described(first["task"], json.loads(first["options"])),
                "Method": first["method"],
                "M": f"{first['unroll']:g}",
                "Hidden": f"{first['hidden']:g}",
                **({APART: first["apart"]} if tried["apart"].any() else {}),
                **{
                    f"{rate:g}": labels.number(got, 3) for rate, got in zip(scores["learning_rate"], scores["accuracy"])
                },
                "Best": f"{best['learning_rate']:g}",
                "n": labels.span(scores["n"], labels.whole),
                "Results": "the best"
                if results_have == [best["learning_rate"]]
                else rows[-1]["results"].iloc[0] or "none",
            }
        )
    return Table(pd.concat(rows, ignore_index=True), pd.DataFrame(texts).fillna(""))
