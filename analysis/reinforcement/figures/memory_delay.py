"""Memory study: success against delay

Success rate of greedy evaluation against the delay between cue and choice, at the initial retention that was run with
the most delays. Large markers: interquartile mean (IQM) over seeds with its 95 % bootstrap interval; small dots:
single seeds. The dashed vertical line marks the segment length M, the dotted horizontal line chance. The delays are
evenly spaced, and the methods stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from analysis import labels, methods, style
from analysis.load import Results
from analysis.reinforcement import memory, panels
from analysis.reinforcement.comparisons import delay_study

PLACE = 4
M_LINE = {**style.MARK, "label": "segment length M"}


def draw(results: Results) -> style.Drawing:
    """A panel per task, M and number of layers, at the initial retention that was run with the most delays."""
    runs = delay_study(memory.runs(results))
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
    return style.Drawing(grid.figure, memory.numbers(runs))


def position(value: float, places: Sequence[float]) -> float:
    """Where `value` lies on an axis with `places` at 0, 1, 2, ...; half a step outside if beyond their range."""
    if value < places[0]:
        return -0.5
    if value > places[-1]:
        return len(places) - 0.5
    return float(np.interp(value, places, range(len(places))))
