"""Memory study: learning curves

Share of right answers in training against environment frames (one per step), at the initial retention (how long new
units keep what they saw) that was run with the most delays. Each run is smoothed by a sliding mean over 5 % of its
length; the line is the mean over seeds, the band ± one standard deviation. The dotted line is random play, which is
right half of the time.
"""

from __future__ import annotations

from analysis.load import Results
from analysis.reinforcement import curves, memory, panels
from analysis.reinforcement.comparisons import delay_study
from analysis.style import Drawing

PLACE = 5


def draw(results: Results) -> Drawing:
    """A panel per task with its delay, and M."""
    found = memory.runs(results)
    runs = delay_study(found)
    runs = runs.assign(panel=[panels.title(run, f"delay {run['delay']:g}") for _, run in runs.iterrows()])
    runs = runs.sort_values(["layers", "environment", "delay", "unroll"])
    wide = max(curves.WIDE, runs["unroll"].nunique())  # a delay with each M in a row
    drawing = curves.draw(results, runs, wide=wide)
    return drawing._replace(note="; ".join(filter(None, [drawing.note, memory.aside(found, runs)])))
