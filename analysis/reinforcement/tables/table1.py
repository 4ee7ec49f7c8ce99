"""Table 1. DMLab memory tasks

Scores on the paper's two DMLab memory tasks, in the form of its Table 1: published rows first, ours (source ``ours``)
below. A cell is the mean ± standard deviation over training seeds. M is the number of steps in a segment, after each of
which the parameters are updated. Do not compare a row of ours with the paper's where its last column says "not
comparable". Env frames include those that trained the vision stem beforehand, as in the published rows; the share of
the paper's budget does not. ``[rooms backend]`` marks scores from this project's own version of the levels, which is
not the simulator that the paper used.
"""

from __future__ import annotations

import pandas as pd

from analysis.load import Results
from analysis.reinforcement import beside_paper, names, paper
from analysis.reinforcement.settings import settings
from analysis.tables import Table

PLACE = 1


def build(results: Results) -> Table:
    """A row per system, method and M, a column per environment."""
    published = paper.values()[paper.values()["table"] == "table1"]
    ours = settings(results)
    ours = ours[ours["environment"].isin(published["environment"])]
    rows = pd.concat([beside_paper.paper_rows(published), *([beside_paper.our_rows(ours)] if len(ours) else [])])
    rows["column"] = rows["environment"].map(names.environment)
    frame = beside_paper.wide(rows, ["Source", "Method", "M"], list(rows["column"].unique()))
    if ours.empty:
        frame = beside_paper.with_reason(frame, results.absence("dmlab"))
    return Table(frame, frame)
