"""Figure 1. Learning curves, TBPTT against RTRL

Learning curves in the layout of the paper's Fig. 1: two DMLab levels and ProcGen Chaser, above with short segments,
below with long ones. Return of the training episodes (unclipped, full games) against environment frames. Each run is
smoothed by a sliding mean over 5 % of its length, weighted by episodes; the line is the mean over seeds, the band ± one
standard deviation. Above each panel stand the number of seeds, the simulator, the budget, and, where the vision stem
was trained beforehand and then frozen, the frames that this took, which are not on the axis. ``[rooms backend]`` marks
this project's own version of the DMLab levels, which is not the simulator that the paper used.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves
from analysis.style import Drawing

PLACE = 1
PANELS = (
    *(("rooms_select_nonmatching_object", 10), ("rooms_watermaze", 10), ("chaser", 5)),
    *(("rooms_select_nonmatching_object", 100), ("rooms_watermaze", 100), ("chaser", 50)),
)


def draw(results: Results) -> Drawing:
    """The panels (a) to (f)."""
    return curves.draw_panels(results, PANELS)
