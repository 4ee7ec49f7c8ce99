"""Sequence tasks: learning curves

Share of validation sequences that are answered right wherever an answer counts, against steps of one slot of the batch.
The line is the mean over the seeds of a setting, the band ± one standard deviation. A run ends once it has solved the
task; from there on it counts with its last value. The task recall has figures of its own.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.sequences.load import described
from analysis.sequences.recall import TASK
from analysis.style import Drawing

PLACE = 0
POINTS = 100  # of a drawn curve
WIDE = 3  # panels side by side
COLUMNS = ["panel", "task", "options", *methods.COLUMNS, "method", "setting", "steps", "mean", "std", "n"]


def draw(results: Results) -> Drawing:
    """A panel for each task with its options."""
    runs = results["sequence_runs"]
    runs = runs[runs["task"] != TASK]
    if runs.empty:
        raise NothingToShow("no finished runs of tasks other than recall")
    options = runs["options"].map(json.loads)
    runs = runs.assign(panel=[described(task, given) for task, given in zip(runs["task"], options)])
    runs = runs.iloc[sorted(range(len(runs)), key=lambda row: (runs["task"].iloc[row], _sizes(options.iloc[row])))]
    curve_of = {str(folder): curve for folder, curve in results["sequence_curves"].groupby("folder")}
    grouped = runs.groupby(["panel", "setting"], sort=False)
    curve = pd.concat([_mean(group, [curve_of[folder] for folder in group["folder"]]) for _, group in grouped])
    found = methods.methods(runs)
    look = style.lines(found, marked=False)
    grid = sns.relplot(
        data=curve,
        **{"x": "steps", "y": "mean", "kind": "line", "units": "setting", "estimator": None},
        **{"col": "panel", "col_wrap": min(WIDE, runs["panel"].nunique())},
        **{**style.FACETS, **look},
    )
    for title, axes in grid.axes_dict.items():
        here = curve[curve["panel"] == title]
        for _, one in here.groupby("setting", sort=False):
            band = {"color": look["palette"][one["method"].iloc[0]], "alpha": 0.2, "lw": 0}
            axes.fill_between(one["steps"], one["mean"] - one["std"], one["mean"] + one["std"], **band)
        style.headed(axes, title, [labels.seeds(here["n"])])
        axes.set_ylim(0, 1.05)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    grid.set_axis_labels("steps", "validation sequences right")
    style.finish(grid.figure, found.values(), marked=False)
    return Drawing(grid.figure, curve[COLUMNS], verdict(runs))


def verdict(runs: pd.DataFrame) -> str:
    """Of each task the mean accuracy on test sequences of every setting."""
    said = []
    for panel, of_task in runs.groupby("panel", sort=False):
        means = of_task.groupby(["method", "setting"], observed=True, sort=False).agg(
            accuracy=("accuracy", "mean"), n=("folder", "size"), config=("config", "first")
        )
        means = told_apart(means.reset_index(), ["method"])
        each = [
            f"{labels.listed(str(row['method']), row['apart'])} {row['accuracy']:.2f} (n = {row['n']})"
            for _, row in means.iterrows()
        ]
        said.append(f"{panel}: {', '.join(each)}")
    return f"Test sequences right, {'; '.join(said)}."


def _mean(runs: pd.DataFrame, curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Mean and spread over the seeds of a setting, a row for each of POINTS steps up to the longest run's end."""
    first, last = (max(curve["steps"].iloc[end] for curve in curves) for end in (0, -1))
    steps = np.linspace(first, last, POINTS)
    values = np.stack([np.interp(steps, curve["steps"], curve["valid_accuracy"]) for curve in curves])
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(POINTS)
    same = runs.iloc[0][["panel", "task", "options", *methods.COLUMNS, "method", "setting"]].to_dict()
    return pd.DataFrame({**same, "steps": steps, "mean": values.mean(axis=0), "std": spread, "n": len(values)})


def _sizes(options: dict[str, object]) -> list[tuple[str, float, str]]:
    """A key by which lengths are sorted as numbers."""
    return [
        (key, float(value) if isinstance(value, int | float) else 0.0, str(value)) for key, value in options.items()
    ]
