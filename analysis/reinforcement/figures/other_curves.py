"""Learning curves on other environments

Learning curves on all other environments, with their options: return of the training episodes (unclipped) against
environment frames. Each run is smoothed by a sliding mean over 5 % of its length; the line is the mean over seeds,
the band ± one standard deviation.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves, panels
from analysis.reinforcement.figures import fig1_curves
from analysis.style import Drawing

PLACE = 3
ELSEWHERE = (*fig1_curves.SUITES, "atari")


def draw(results: Results) -> Drawing:
    """A panel per environment, its options and M."""
    runs = results["runs"]
    runs = runs[~runs["suite"].isin(ELSEWHERE) & ~runs["memory_task"]]
    titles = [panels.title(run, options="options") for _, run in runs.iterrows()]
    return curves.draw(results, runs.assign(panel=titles).sort_values(["unroll", "panel"], kind="stable"))
