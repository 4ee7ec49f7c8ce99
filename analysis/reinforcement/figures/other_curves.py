"""Other learning curves

Learning curves of everything not in Figures 1 and 2, except the memory tasks: other environments, other segment lengths
on Atari and agents of more than one layer. Return of the training episodes (unclipped) against environment frames. Each
run is smoothed by a sliding mean over 5 % of its length; the line is the mean over seeds, the band ± one standard
deviation.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves, panels
from analysis.reinforcement.figures import fig1_curves, fig2_atari
from analysis.style import Drawing

PLACE = 3


def draw(results: Results) -> Drawing:
    """A panel per environment, its options and M."""
    runs = results["runs"]
    for place in (*fig1_curves.PANELS, *fig1_curves.others(runs), *fig2_atari.PANELS):
        runs = runs[~curves.at(runs, *place)]
    runs = runs[~runs["memory_task"]]
    titles = [panels.title(run, options="options") for _, run in runs.iterrows()]
    return curves.draw(results, runs.assign(panel=titles).sort_values(["unroll", "panel"], kind="stable"))
