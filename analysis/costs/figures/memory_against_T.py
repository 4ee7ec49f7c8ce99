"""Peak memory against episode length

Full BPTT keeps every step until the episode ends; RTRL carries sensitivities (the derivatives of the state by the
parameters), whose size is fixed. Lines are predicted, open markers counted operator by operator, filled markers
measured, each in a process of its own. The vertical lines mark the length from which RTRL needs less memory.
Predictions, counts and measurements include the parameters and their gradient.
"""

from __future__ import annotations

from analysis.costs import panels
from analysis.load import Results
from analysis.style import Drawing

PLACE = 1


def draw(results: Results) -> Drawing:
    """A panel per network."""
    return panels.draw(results, "episode", (panels.MEMORY,), height=2.7)
