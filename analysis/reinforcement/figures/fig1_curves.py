"""Figure 1. Learning curves, TBPTT against RTRL

Learning curves on ProcGen Chaser and on the DMLab tasks, as far as they were run (the paper's Fig. 1). Return of the
training episodes (unclipped, full games) against environment frames. Each run is smoothed by a sliding mean over 5 %
of its length, weighted by episodes; the line is the mean over seeds, the band ± one standard deviation. Above each
panel stand the number of seeds, the simulator, the budget, and, where the vision stem was trained beforehand and then
frozen, the frames that this took, which are not on the axis. ``[rooms backend]`` marks this project's own version of
the DMLab levels, which is not the simulator that the paper used.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves
from analysis.style import Drawing

PLACE = 1
SUITES = ("dmlab", "procgen")


def draw(results: Results) -> Drawing:
    """A panel per DMLab or ProcGen environment, simulator and M."""
    runs = results["runs"]
    runs = runs[runs["suite"].isin(SUITES)].sort_values(["unroll", "environment", "backend"])
    return curves.draw(results, runs.assign(panel=curves.titles(runs)))
