"""RTRL against TBPTT in agents that have learned

Training return against environment frames: mean over seeds, the band ± one standard deviation. The comparison is
chosen by rule: select_nonmatching at M = 10 if agents have learned it, else another of the paper's environments that
they have learned, else a memory task, whose delay is longer than a segment of M steps; those with three seeds a side
come before those with fewer. Of several, the one in which the methods differ most. The dotted lines are the score of
random play and that of a player that sees everything.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import curves, names, players
from analysis.reinforcement.claims import NONMATCHING
from analysis.reinforcement.comparisons import EQUAL, pairs
from analysis.stats import MINIMUM, difference

PLACE = 0
FIRST = (NONMATCHING, 10)
BESIDE = ("rtrl", "tbptt", "bptt", "feedforward")


def draw(results: Results) -> style.Drawing:
    """One panel: RTRL, TBPTT, and full BPTT and the feedforward network where they were run on the same."""
    run, left, right = chosen(results)
    runs = results["runs"]
    same = (
        (runs[EQUAL] == run[EQUAL]).all(axis="columns") & (runs["layers"] == 1) & (runs["cell"].isin(["elstm", "none"]))
    )
    alike = (runs["retention"] == run["retention"]) | (runs["retention"].isna() & pd.isna(run["retention"]))
    same &= alike | (runs["gradient"] == "feedforward")
    runs = runs[same & runs["gradient"].isin(BESIDE) & (runs["gradient_options"] == "{}")]
    task = names.variant(run["environment"], run["options"], run["backend"]).removeprefix("rooms_")
    title = f"{task}, M = {run['unroll']}: RTRL {labels.number(left)}, TBPTT {labels.number(right)} in greedy play"
    return curves.draw(results, runs.assign(panel=title), aspect=1.6, height=3.3)


def sentence(results: Results) -> str:
    """What the figure shows, in words; where there is nothing to draw, that."""
    try:
        run, left, right = chosen(results)
    except NothingToShow as reason:
        return f"Not known from these runs: {reason}."
    floor, oracle = players.floor(run), players.score(run["environment"], run["backend"], "oracle")
    beside = [f"a player at random scores {labels.number(floor)}"] if floor == floor else []
    beside += [f"one that sees everything {labels.number(oracle)}"] if oracle == oracle else []
    task = names.variant(run["environment"], run["options"]).removeprefix("rooms_")
    scores = f"agents trained by RTRL score {labels.number(left)}, by TBPTT {labels.number(right)}"
    return f"On {task}, updated every M = {run['unroll']} steps, {scores}" + (
        f" ({', '.join(beside)})." if beside else "."
    )


def chosen(results: Results) -> tuple[pd.Series, float, float]:
    """One of the runs of the comparison to show, and the mean scores of RTRL and TBPTT."""
    found = []
    for run, (x, y) in pairs(results):
        if run["layers"] > 1:
            continue
        left, right = sum(x) / len(x), sum(y) / len(y)
        short = run["memory_task"] and run["delay"] < run["unroll"]
        if not short and players.learned(run, max(left, right)):
            scale = max(left, right) - players.floor(run)
            first = (run["environment"], run["unroll"]) == FIRST
            rank = (min(len(x), len(y)) >= MINIMUM, first, not run["memory_task"], abs(difference(x, y)[0]) / scale)
            found.append((rank, run, left, right))
    if not found:
        raise NothingToShow("no environment was run with both RTRL and TBPTT and learned by either")
    return max(found, key=lambda one: one[0])[1:]
