"""Figure 2. Learning curves on Atari

Learning curves on the five Atari games of the paper's Fig. 2: return of the training episodes (unclipped, full games)
against environment frames. Each run is smoothed by a sliding mean over 5 % of its length; the line is the mean over
seeds, the band ± one standard deviation. The grey dotted line is random play. Dotted lines in a method's colour are the
paper's final evaluation scores; where they do not fit the panel, they are written into it. The paper does not say
whether these are scores of full games or of single lives.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves
from analysis.style import Drawing

PLACE = 2
PANELS = tuple((game, 50) for game in ("breakout", "gravitar", "mspacman", "qbert", "seaquest"))


def draw(results: Results) -> Drawing:
    """The panels (a) to (e)."""
    return curves.draw_panels(results, PANELS)
