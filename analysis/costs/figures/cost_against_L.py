"""Cost against the number of layers

Peak memory, FLOPs and time per environment step of all B slots against the number of stacked layers. Exact RTRL of L
layers carries L (L + 1) / 2 groups of sensitivities, and those between layers are dense. Lines are predicted, open
markers counted operator by operator, filled markers measured (times: median and quartiles, joined to guide the eye).
"""

from __future__ import annotations

from analysis.costs import panels
from analysis.load import Results
from analysis.style import Drawing

PLACE = 3


def draw(results: Results) -> Drawing:
    """Memory, operations and time, a panel each."""
    return panels.draw(results, "layers", (panels.MEMORY, panels.FLOPS, panels.TIME))
