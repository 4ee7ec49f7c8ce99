"""Memory study: success against initial retention

Success rate of greedy evaluation against the initial retention, which is the longest time, in steps, over which a new
network's units keep what they saw. "paper's init" is the paper's initialisation, under which about half of it is lost
at every step. Large markers: interquartile mean (IQM) over seeds with its 95 % bootstrap interval; small dots: single
seeds; dotted line: chance. Even an exact gradient reaches back only as far as the units retain.
"""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from analysis import methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import memory, panels

PLACE = 5
SETTING = ["environment", "other_options", "unroll", "delay", "design"]


def draw(results: Results) -> style.Drawing:
    """A panel per task, M and delay, with the methods that were run at more than one initial retention."""
    runs = memory.runs(results)
    retentions = runs.groupby([*SETTING, "method"], observed=True)["retention"].transform("nunique", dropna=False)
    runs = runs[retentions > 1].sort_values(SETTING, kind="stable")
    if runs.empty:
        raise NothingToShow("no method was run at more than one initial retention")
    runs = runs.assign(panel=[panels.title(run, f"delay {run['delay']:g}") for _, run in runs.iterrows()])
    runs = panels.split(runs, retention=False)
    x_label = "initial retention (upper end of the initial time scale, steps)"
    grid = memory.draw(runs, "retention", lambda value: "paper's\ninit" if np.isnan(value) else f"{value:g}", x_label)
    style.finish(grid.figure, methods.methods(runs).values(), [Line2D([], [], **memory.CHANCE_LINE)])
    return style.Drawing(grid.figure, memory.numbers(runs))
