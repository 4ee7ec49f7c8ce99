"""Horizon: trained at one delay, tested at longer ones

Success on the recall task at multiples of the delay that was trained on, mean over seeds, from chance (0.5, dark) to
all test sequences right (1, bright). Training ends as soon as all validation sequences are right, so this is what comes
with a solution that was just found, not what longer training would make of it. Above the maps: the largest multiple up
to which mean success stays at 0.75 or above, the median over the cells that have learned, and the cell that goes
farthest.
"""

from __future__ import annotations

import json

import pandas as pd

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.sequences import recall

PLACE = 2


def draw(results: Results) -> style.Drawing:
    """A map for each method and initialisation."""
    runs, tests = recall.runs(results), results["sequence_tests"]
    runs = runs[runs["folder"].isin(tests["folder"])]
    if runs.empty:
        raise NothingToShow("no run of the recall task was tested at another delay")
    at = tests.assign(tested=tests["options"].map(lambda text: json.loads(text).get("delay")))
    longer = runs.drop(columns="accuracy").merge(at[["folder", "tested", "accuracy"]], on="folder")
    longer = longer[longer["tested"] != longer["delay"]]  # that is what `accuracy` of the run is
    scores = pd.concat([runs.assign(tested=runs["delay"]), longer])
    numbers = recall.means(scores.assign(multiple=scores["tested"] / scores["delay"]), "multiple")
    numbers = numbers.sort_values(["retention", "method", "multiple"], na_position="first", kind="stable")
    panels = [
        labels.listed(method, f"M = {m}", f"delay {d}", recall.initialisation(r), apart)
        for method, m, d, r, apart in zip(
            *(numbers[key] for key in ("method", "unroll", "delay", "retention", "apart"))
        )
    ]
    numbers = numbers.assign(panel=panels).drop(columns="method")
    numbers = numbers.assign(times=numbers["multiple"].map("{:g}".format))
    figure = recall.heat_maps(numbers, "times", "tested at this multiple of the delay", numbers["gradient"].nunique())
    return style.Drawing(figure, numbers.drop(columns="config"), verdict(numbers))


def verdict(numbers: pd.DataFrame) -> str:
    """How far beyond the trained delay each method's solutions reach."""
    said = []
    for panel, group in numbers.groupby("panel", sort=False):
        reached = pd.Series({cell: _reach(setting) for cell, setting in group.groupby("cell")})
        reached = reached[reached > 0]
        if len(reached):
            best, farthest = methods.cell_label(str(reached.idxmax())), f"×{reached.max():g}"
            text = f"of the {len(reached)} cells that learned, the median reaches ×{reached.median():g}"
            one = f"the one cell that learned ({best}) reaches {farthest}"
            said.append(f"{panel}: {one if len(reached) == 1 else f'{text}, the best ({best}) {farthest}'}.")
    return " ".join(said)


def _reach(setting: pd.DataFrame) -> float:
    """The largest multiple up to which all are learned; 0 where the trained delay is not."""
    kept = setting[setting["multiple"] >= 1].sort_values("multiple")
    return float(kept["multiple"].where(kept["learned"].cummin()).max()) if kept["learned"].iloc[0] else 0.0
