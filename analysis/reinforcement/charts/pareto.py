"""Cost against success

Each point is a setting: score in greedy play, mean over its seeds, against what the method costs. The best ones lie at
the upper left. The cost is the time of an update, acting included, or the bytes that a method hands from one segment to
the next; times are comparable only among runs of one machine that nothing else kept busy.
"""

from __future__ import annotations

import altair as alt

from analysis import charts, labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names

PLACE = 2
COSTS = {"update_ms": "time per update (ms)", "carried_kib": "carried from segment to segment (KiB)"}


def build(results: Results) -> alt.Chart:
    """A point per setting of the chosen task."""
    runs = results["runs"]
    if runs.empty:
        raise NothingToShow("no finished runs of agents")
    runs = runs.assign(
        task=[names.variant(*row) for row in zip(runs["environment"], runs["options"], runs["backend"])],
        update_ms=1000 * runs["wall_s"] / runs["updates"],
        carried_kib=runs["carried_bytes"].astype(float) / 1024,
        initial=runs["retention"].map(labels.retention),
        kind=runs["method"].astype(str),
    )
    same = ["task", "kind", "unroll", "initial", "setting"]
    frame = runs.groupby(same, sort=False, dropna=False).agg(
        score=("score", "mean"),
        n=("score", "size"),
        update_ms=("update_ms", "median"),
        carried_kib=("carried_kib", "max"),
        device_name=("device_name", lambda names: labels.joined(names.dropna())),
    )
    frame = frame.reset_index().rename(columns={"kind": "method", "initial": "retention", "unroll": "M"}).round(4)
    order = frame.groupby("task", sort=False)["method"].nunique().sort_values(ascending=False)
    task = charts.choice("pareto_task", "Task", {name: name for name in order.index})
    cost = charts.choice("cost", "Cost", COSTS)
    return (
        alt.Chart(frame.drop(columns="setting"))
        .transform_filter("datum.task == pareto_task")
        .transform_calculate(cost_of="datum[cost]")
        .transform_filter("datum.cost_of != null")
        .mark_point(filled=True, size=90, opacity=0.85)
        .encode(
            x=alt.X("cost_of:Q", title="cost, as chosen", scale=alt.Scale(zero=True)),
            y=alt.Y("score:Q", title="score in greedy play", scale=alt.Scale(zero=True)),
            color=charts.colour(runs, "method"),
            tooltip=[
                "method:N",
                "M:Q",
                "retention:N",
                "score:Q",
                "n:Q",
                "update_ms:Q",
                "carried_kib:Q",
                "device_name:N",
            ],
        )
        .add_params(task, cost)
    )
