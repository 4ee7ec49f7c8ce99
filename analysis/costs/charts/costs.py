"""Costs

What each gradient method costs along a sweep of one size: predicted by formula, or measured. Both axes are logarithmic.
Point at a mark for its numbers.
"""

from __future__ import annotations

import altair as alt

from analysis import charts, methods
from analysis.costs.load import NOT_STUDIED, SYMBOLS
from analysis.kinds import NothingToShow
from analysis.load import Results

PLACE = 1
QUANTITIES = {
    "predicted_flops_per_step": "operations per step, predicted",
    "counted_flops_per_step": "operations per step, counted",
    "measured_step_s": "time per step, measured (s)",
    "predicted_peak_bytes": "peak memory, predicted (bytes)",
    "measured_peak_bytes": "peak memory, measured (bytes)",
    "predicted_state_bytes": "carried between steps or segments, predicted (bytes)",
}


def build(results: Results) -> alt.Chart:
    """A line per method of the chosen sweep."""
    points = results["points"]
    if points.empty:
        raise NothingToShow(NOT_STUDIED)
    along = points["axis"] == "layers"  # where a line goes over numbers of layers, they do not name it
    named = methods.named(points.assign(layers=points["layers"].mask(along, 1)))
    frame = points[["sweep", "axis", *SYMBOLS, *QUANTITIES]].assign(method=named["method"].astype(str))
    sweep = charts.choice("sweep", "Sweep", {name: name for name in frame["sweep"].unique()})
    shown = charts.choice("quantity", "Quantity", QUANTITIES)
    return (
        alt.Chart(frame)
        .transform_filter("datum.sweep == sweep")
        .transform_calculate(size="datum[datum.axis]", value="datum[quantity]")
        .transform_filter("datum.value > 0")
        .mark_line(point=True)
        .encode(
            x=alt.X("size:Q", title="size that the sweep varies", scale=alt.Scale(type="log")),
            y=alt.Y("value:Q", title="cost, as chosen", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
            color=charts.colour(named, "method"),
            tooltip=["method:N", "axis:N", "value:Q", *[f"{size}:Q" for size in SYMBOLS]],
        )
        .add_params(sweep, shown)
    )
