"""Cost against hidden size

Peak memory, FLOPs and time per environment step of all B slots against hidden size, for RTRL of a densely connected
cell and of an element-wise one with one layer and with two. Lines are predicted, open markers counted operator by
operator, filled markers measured (times: median and quartiles, joined to guide the eye). Full BPTT learns once an
episode, TBPTT and RTRL once a segment; one long pass takes less time per step than many short ones. Both axes are
logarithmic, so a power law is a straight line; the table of exponents has its slope.
"""

from __future__ import annotations

from analysis.costs import panels
from analysis.load import Results
from analysis.style import Drawing

PLACE = 2


def draw(results: Results) -> Drawing:
    """Memory, operations and time, a panel each."""
    return panels.draw(results, "hidden", (panels.MEMORY, panels.FLOPS, panels.TIME), height=4)
