"""Cost against segment length

FLOPs and time per environment step of all B slots against the segment length M. RTRL step by step updates its
sensitivities at every step, segment-wise RTRL once a segment, and TBPTT carries none. Lines are predicted, open
markers counted operator by operator, filled markers measured (median and quartiles, joined to guide the eye). Vertical
lines mark the M from which segment-wise RTRL costs less than 1.1 times as much as TBPTT.
"""

from __future__ import annotations

from analysis.costs import panels
from analysis.load import Results
from analysis.style import Drawing

PLACE = 4


def draw(results: Results) -> Drawing:
    """Operations and time, a panel each."""
    return panels.draw(results, "unroll", (panels.FLOPS, panels.TIME), height=2.7)
