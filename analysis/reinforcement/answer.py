"""What RTRL gains over TBPTT, in one comparison: the one that figure `headline` shows."""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from analysis import labels, methods
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names, players
from analysis.reinforcement.claims import NONMATCHING
from analysis.reinforcement.comparisons import pairs
from analysis.stats import MINIMUM, difference

FIRST = (NONMATCHING, 10)


def sentence(results: Results) -> str:
    """The comparison in words; where there is none, why not."""
    try:
        run, left, right = chosen(results)
    except NothingToShow as reason:
        return f"Not known from these runs: {reason}."
    floor, oracle = players.floor(run), players.score(run["environment"], run["backend"], "oracle")
    beside = [f"random play scores {labels.number(floor)}"] if floor == floor else []
    beside += [f"a player that sees everything {labels.number(oracle)}"] if oracle == oracle else []
    task = names.variant(*run[["environment", "options", "backend"]]).removeprefix("rooms_")
    agents = "agents" if run["cell"] == methods.CELL else f"{methods.cell_label(run['cell'])} agents"
    scores = f"{agents} trained by RTRL score {labels.number(left)}, by TBPTT {labels.number(right)}"
    return f"On {task}, updated every M = {run['unroll']} steps, {scores}" + (
        f" ({', '.join(beside)})." if beside else "."
    )


def chosen(results: Results) -> tuple[pd.Series, float, float]:
    """One of the runs of RTRL, and the mean scores of RTRL and TBPTT; NothingToShow where there is none."""
    found = []
    for run, (x, y) in pairs(results):
        if run["layers"] > 1:
            continue
        left, right = fmean(x), fmean(y)
        short = run["memory_task"] and run["delay"] < run["unroll"]
        if not short and players.learned(run, max(left, right)):
            scale = max(left, right) - players.floor(run)
            first = (run["environment"], run["unroll"]) == FIRST
            rank = (min(len(x), len(y)) >= MINIMUM, first, not run["memory_task"], abs(difference(x, y)[0]) / scale)
            found.append((rank, run, left, right))
    if not found:
        raise NothingToShow(
            "no environment was run with both RTRL and TBPTT and learned by either, where that can be told"
        )
    return max(found, key=lambda one: one[0])[1:]
