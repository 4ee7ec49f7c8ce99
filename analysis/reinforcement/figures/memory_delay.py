"""Memory study: success against delay

Success rate of greedy evaluation against the delay between cue and choice, at the initial retention that was run with
the most delays. Large markers: interquartile mean (IQM) over seeds with its 95 % bootstrap interval; small dots:
single seeds. The delays are evenly spaced, and the methods stand side by side. Left of the dashed line are delays
within the segment of M steps, right of it those of M steps and more. The dotted line is chance.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.lines import Line2D

from analysis import labels, methods, style
from analysis.load import Results
from analysis.reinforcement import memory, panels
from analysis.reinforcement.comparisons import delay_study

PLACE = 4
M_LINE = {**style.MARK, "label": "delay of M steps"}


def draw(results: Results) -> style.Drawing:
    """A panel per task, M and number of layers, at the initial retention that was run with the most delays."""
    found = memory.runs(results)
    runs = delay_study(found)
    titles = [
        panels.title(run, f"initial retention {labels.retention(run['retention'])}") for _, run in runs.iterrows()
    ]
    runs = runs.assign(panel=titles)
    grid = memory.draw(runs, "delay", "{:g}".format, "delay between cue and choice (steps)")
    for title, axes in grid.axes_dict.items():
        group = runs[runs["panel"] == title]
        axes.axvline(position(group["unroll"].iloc[0], sorted(group["delay"].unique())), **M_LINE)
    extra = [Line2D([], [], **M_LINE), Line2D([], [], **memory.CHANCE_LINE)]
    style.finish(grid.figure, methods.methods(runs).values(), extra)
    return style.Drawing(grid.figure, memory.numbers(runs), memory.aside(found, runs))


def position(value: float, places: Sequence[float]) -> float:
    """Between those of `places`, which lie at 0, 1, 2, ..., that are below `value` and the others."""
    return sum(place < value for place in places) - 0.5
