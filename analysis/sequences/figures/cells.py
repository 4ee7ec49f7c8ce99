"""Cells: which gradient learns to remember in which cell

Success on the recall task, where the sign of the first step is asked for after ``delay`` steps and every step in
between shows a distracting sign: mean over seeds of the share of test sequences answered right, from chance (0.5, dark)
to all of them (1, bright). From 0.75 on a cell counts as one that learns, if there are at least three seeds. A segment
of M steps cannot hold both the sign and its answer if the delay is M or more. All learn online, with at most the same
number of updates. LRU and RTU are linear in their input: a readout can tell the last steps from such states whatever
the recurrence has learned, so that success in these two need not come from a gradient through time.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels, methods, style
from analysis.load import Results
from analysis.sequences import recall
from analysis.stats import MINIMUM

PLACE = 1


def draw(results: Results) -> style.Drawing:
    """A map for each delay and initialisation."""
    numbers = recall.means(recall.runs(results))
    numbers = numbers.sort_values(["delay", "retention", "method"], na_position="first", kind="stable")
    panels = [
        labels.listed(f"delay {delay}", f"M = {unroll}", recall.initialisation(retention), apart)
        for delay, unroll, retention, apart in zip(*(numbers[key] for key in ("delay", "unroll", "retention", "apart")))
    ]
    numbers = numbers.assign(method=numbers["method"].astype(str), panel=panels)
    figure = recall.heat_maps(numbers, "method", "", 4)
    return style.Drawing(figure, numbers.drop(columns="config"), verdict(numbers))


def verdict(numbers: pd.DataFrame) -> str:
    """With how many cells each method has learned, at delays that a segment can hold and at those that it cannot."""
    said = []
    for panel, group in numbers.groupby("panel", sort=False):
        if group["n"].max() < MINIMUM:
            said.append(f"{panel}: fewer than {MINIMUM} seeds, no verdict.")
            continue
        counts = [
            f"{of['learned'].sum()} by {method}{_which(of)}" for method, of in group.groupby("method", sort=False)
        ]
        where = "beyond" if (group["delay"] >= group["unroll"]).all() else "within"
        said.append(
            f"{panel} ({where} the segment), cells that learn, of {group['cell'].nunique()}: {', '.join(counts)}."
        )
    return " ".join(said)


def _which(found: pd.DataFrame) -> str:
    """The cells, where they are the lesser part."""
    learned = found[found["learned"]]
    few = 0 < len(learned) <= len(found) / 2
    return f" ({', '.join(map(methods.cell_label, learned['cell']))})" if few else ""
