"""Learning curves

Training return of every run, smoothed as in the figures. Choose task, segment length M and cell; click a method in the
legend to single it out; point at a line for the run's seed, score in greedy play and settings.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis import charts, labels, methods
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import answer, curves, names

PLACE = 1
POINTS = 40  # of a run, at most
FACTS = ["task", "M", "method", "cell", "seed", "score", "retention", "learning rate", "vision stem", "env frames"]


def build(results: Results) -> alt.Chart:
    """A line per run; its facts are looked up by its number."""
    runs = results["runs"].reset_index(drop=True)
    of_run = curves.of_runs(results)
    smooth = [curves.to_draw(of_run[folder]) for folder in runs["folder"]]
    parts = [thinned(curve).assign(run=number) for number, curve in enumerate(smooth) if len(curve) >= curves.LOGGED]
    if not parts:
        raise NothingToShow(f"no run has {curves.LOGGED} logged points")
    points = pd.concat(parts)
    runs = runs.loc[sorted(points["run"].unique())]
    tasks = [names.variant(*row) for row in zip(runs["environment"], runs["options"], runs["backend"])]
    columns = {
        **{"run": runs.index, "task": tasks, "method": runs["method"].astype(str), "M": runs["unroll"]},
        **{"seed": runs["seed"], "score": runs["score"].round(3), "learning rate": runs["learning_rate"]},
        **{"cell": runs["cell"].map(methods.cell_label), "retention": runs["retention"].map(labels.retention)},
        **{"vision stem": runs["vision"], "env frames": runs["env_frames"].map(labels.count)},
    }
    facts = pd.DataFrame(columns)
    order = runs.assign(task=tasks).groupby("task", sort=False)["method"].nunique().sort_values(ascending=False)
    try:
        run, *_ = answer.chosen(results)
        first = names.variant(run["environment"], run["options"], run["backend"])
    except NothingToShow:
        first = order.index[0]
    task = charts.choice("task", "Task", {name: name for name in sorted(order.index, key=lambda name: name != first)})
    every: dict[Any, str] = {None: "all"}
    unroll = charts.choice("unroll", "M", every | {int(m): str(m) for m in sorted(facts["M"].unique())})
    cell = charts.choice("cell", "Cell", every | {name: name for name in sorted(facts["cell"].unique())})
    one = alt.selection_point(fields=["method"], bind="legend")
    shown = "datum.task == task && (unroll == null || datum.M == unroll) && (cell == null || datum.cell == cell)"
    return (
        alt.Chart(points)
        .transform_lookup("run", alt.LookupData(facts[["run", *FACTS]], "run", FACTS))
        .transform_filter(shown)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("x:Q", title="environment frames", axis=alt.Axis(format="~s")),
            y=alt.Y("y:Q", title="training return", scale=alt.Scale(zero=True)),
            color=charts.colour(runs),
            detail="run:N",
            opacity=alt.condition(one, alt.value(0.85), alt.value(0.08)),
            tooltip=[f"{fact}:N" for fact in FACTS],
        )
        .add_params(task, unroll, cell, one)
    )


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """POINTS of its points, evenly spaced, with as many digits as can be seen."""
    chosen = np.unique(np.linspace(0, len(curve) - 1, POINTS).round().astype(int))
    return curve.iloc[chosen].assign(y=lambda frame: frame["y"].map(lambda value: float(f"{value:.4g}")))
