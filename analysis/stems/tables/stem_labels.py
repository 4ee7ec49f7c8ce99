"""What the taught vision stems see

How well a vision stem that was taught from the simulator's state tells what is in view, on episodes that it was not
taught on. For classes the share of right answers, where there is something and in directions where there is nothing;
for measures the median error. The adjacent column gives the best constant guess.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names
from analysis.tables import Table, texts


def build(results: Results) -> Table:
    """A row per stem and label."""
    frame = results["stem_labels"]
    if frame.empty:
        raise NothingToShow("no vision stem was taught from the simulator's state in this scale")
    text = {
        "Level": texts(frame, names.environment, "environment", "backend"),
        "Label": frame["label"],
        "Count": frame["count"].map(labels.count),
        "Right": frame["accuracy"].map(labels.percent),
        "Right, constant answer": frame["accuracy_constant"].map(labels.percent),
        "Right about nothing": frame["accuracy_none"].map(labels.percent),
        "Median error": frame["median_error"].map(labels.number),
        "Error, constant answer": frame["median_error_constant"].map(labels.number),
        "Unit": frame["unit"].fillna(""),
        "Env frames": frame["env_frames"].map(labels.count),
    }
    return Table(frame, pd.DataFrame(text))
