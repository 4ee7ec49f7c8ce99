"""Figure 1. Learning curves, TBPTT against RTRL

Learning curves of the paper's Fig. 1: two DMLab levels and ProcGen Chaser, (a) to (c) with short segments, (d) to (f)
with long ones; panels without a letter have another M than the paper's. What is not drawn is named above. Return of the
training episodes (unclipped, full games) against environment frames. Each run is smoothed by a sliding mean over 5 % of
its length, weighted by episodes; the line is the mean over seeds, the band ± one standard deviation. Above each panel
stand the number of seeds, the simulator, the budget, and, where the vision stem was trained beforehand and then frozen,
the frames that this took, which are not on the axis. ``[rooms backend]`` marks this project's own version of the DMLab
levels, which is not the simulator that the paper used.
"""

from __future__ import annotations

import pandas as pd

from analysis.load import Results
from analysis.reinforcement import curves
from analysis.style import Drawing

PLACE = 1
PANELS = (
    *(("rooms_select_nonmatching_object", 10), ("rooms_watermaze", 10), ("chaser", 5)),
    *(("rooms_select_nonmatching_object", 100), ("rooms_watermaze", 100), ("chaser", 50)),
)


def others(runs: pd.DataFrame) -> list[tuple[str, int]]:
    """The same environments at any other M."""
    names = list(dict.fromkeys(environment for environment, _ in PANELS))
    here = runs[runs["environment"].isin(names) & (runs["layers"] == 1)]
    found = {*zip(here["environment"], here["unroll"])} - {*PANELS}
    return sorted(found, key=lambda place: (names.index(place[0]), place[1]))


def draw(results: Results) -> Drawing:
    """The panels (a) to (f), and those of other M."""
    return curves.draw_panels(results, PANELS, others(results["runs"]))
