"""Figure 2. Learning curves on Atari

Learning curves on Atari games (the paper's Fig. 2): return of the training episodes (unclipped, full games) against
environment frames. Each run is smoothed by a sliding mean over 5 % of its length; the line is the mean over seeds,
the band ± one standard deviation. Dotted lines in a method's colour are the paper's final evaluation scores; where
they do not fit the panel, they are written into it. The paper does not say whether these are scores of full games or
of single lives.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves
from analysis.style import Drawing

PLACE = 2


def draw(results: Results) -> Drawing:
    """A panel per game and M."""
    runs = results["runs"]
    runs = runs[runs["suite"] == "atari"]
    return curves.draw(results, runs.assign(panel=curves.titles(runs)).sort_values(["environment", "unroll"]))
