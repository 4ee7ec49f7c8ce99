"""Where truncation hurts, in numbers

Cosine of TBPTT's gradient at each M to the exact one, on rollouts of one agent, in the first, the middle and the last
fifth of its training: mean over ``n`` seeds, as in figure ``truncation``. "Learned" is as in the verdicts, by the score
of greedy play after training.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels
from analysis.load import Results
from analysis.reinforcement import players, truncations
from analysis.tables import Table

PLACE = 7


def build(results: Results) -> Table:
    """A row per task and part of training."""
    numbers = truncations.numbers(results)
    rows = []
    for _, group in numbers.groupby([*truncations.LINE, "part"], dropna=False, observed=True, sort=False):
        first, of = group.iloc[0], group.set_index("unroll")["cosine"]
        learned = "yes" if players.learned(first, first["score"]) else "no"
        agents = labels.listed(str(first["method"]), f"M = {first['trained_at']}", first["apart"])
        row = {"Task": first["task"], "Agents": agents, "Env frames": labels.count(first["env_frames"])}
        row |= {
            "Part of training": first["part"],
            **{f"M = {unroll}": labels.number(value) for unroll, value in of.items()},
        }
        row |= {"n": labels.whole(first["n"]), "Backend": first["backend"]}
        rows.append(row | {"Greedy play": labels.number(first["score"]), "Learned": learned})
    return Table(numbers, pd.DataFrame(rows).fillna(labels.NOTHING))
