"""RTRL against TBPTT in agents that have learned

Training return against environment frames: mean over seeds, the band ± one standard deviation. The comparison is chosen
by rule, among those that agents have learned: first those with three seeds per method; of these select_nonmatching at M
= 10, else another environment, else a memory task whose delay is at least a segment of M steps; of
several, the one in which the methods differ most. The dotted line is the score of random play, the dashed one that of a
player that sees everything.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels, style
from analysis.load import Results
from analysis.reinforcement import curves, names
from analysis.reinforcement.answer import chosen
from analysis.reinforcement.comparisons import EQUAL

PLACE = 0
BESIDE = ("rtrl", "tbptt", "bptt", "feedforward")


def draw(results: Results) -> style.Drawing:
    """One panel: RTRL, TBPTT, and full BPTT and the feedforward network where they were run on the same."""
    run, left, right = chosen(results)
    runs = results["runs"]
    same = (runs[EQUAL] == run[EQUAL]).all(axis="columns") & runs["cell"].isin([run["cell"], "none"])
    alike = (runs["retention"] == run["retention"]) | (runs["retention"].isna() & pd.isna(run["retention"]))
    same &= alike | (runs["gradient"] == "feedforward")
    runs = runs[same & runs["gradient"].isin(BESIDE) & (runs["gradient_options"] == "{}")]
    task = names.variant(run["environment"], run["options"], run["backend"]).removeprefix("rooms_")
    m = style.unbroken(f"M = {run['unroll']}")
    scores = style.unbroken(f"RTRL {labels.number(left)}, TBPTT {labels.number(right)}")
    title = f"{task}, {m}: in greedy play {scores}"
    return curves.draw(results, runs.assign(panel=title), aspect=1.6, height=3.3)
