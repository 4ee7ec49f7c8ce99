"""Memory study: success rate

Success rate on the memory tasks, by delay, segment length M, initial retention, method and learning rate. Success is
the mean return of greedy evaluation: 1 for a right answer and 0 for a wrong one, so guessing gives 0.5. IQM is the
interquartile mean over n training seeds (without the lowest and the highest quarter) with its 95 % bootstrap interval.
Retention is the longest time, in steps, over which a new network's units keep what they saw; "paper's" means the
paper's own initialisation.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names
from analysis.reinforcement.settings import rows_apart, settings
from analysis.tables import Table, differing, texts

PLACE = 4
ELSEWHERE = ["conditions", "settings", "evaluation_lives", "life_mean", "life_std", "verdict", "memory_task"]


def build(results: Results) -> Table:
    """A row per setting."""
    frame = settings(results)
    frame = frame[frame["memory_task"]].drop(columns=ELSEWHERE)
    if frame.empty:
        raise NothingToShow("no finished runs of the memory tasks")
    frame = rows_apart(frame, "env_steps", "retention", "optimiser.learning_rate")
    text = {
        "Task": texts(frame, names.variant, "environment", "other_options"),
        "Delay": frame["delay"].map("{:.0f}".format),
        "M": frame["unroll"].astype(str),
        "Retention": frame["retention"].map(labels.retention),
        "Method": frame["method"],
        "Learning rate": frame["learning_rate"].map("{:g}".format),
        **differing(frame),
        "IQM [95 % interval]": texts(frame, partial(labels.interval, digits=2), "iqm", "low", "high"),
        "Mean ± std": texts(frame, partial(labels.plus_minus, digits=2), "mean", "std"),
        "n": frame["n"].astype(str),
        "Backend": frame["backend"],
        "Env steps": frame["env_frames"].map(labels.count),
    }
    return Table(frame, pd.DataFrame(text))
