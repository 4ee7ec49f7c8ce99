"""Largest hidden size in memory

The largest number of hidden units N in each layer whose predicted peak memory fits into 8, 24, 80 and 141 GB
(decimal), in float32, with the parameters and their gradient but without the vision stem's activations and the
optimiser's state. L layers, D inputs, B slots.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels, methods
from analysis.costs.load import NOT_STUDIED
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table

PLACE = 4


def build(results: Results) -> Table:
    """A row per method, cell and number of layers, a column for each memory."""
    frame = results["limits"]
    if frame.empty:
        raise NothingToShow(NOT_STUDIED)
    several, rows = frame["study"].nunique() > 1, []
    for _, group in frame.groupby(["study", "gradient", "cell", "layers", "batch"], sort=False):
        first = group.iloc[0]
        square = group["inputs"].isna() | (group["inputs"] == group["largest_hidden"])
        fits = sorted(zip(group["memory_gb"], group["largest_hidden"]))
        rows.append(
            {
                **({"Study": first["study"]} if several else {}),
                "Method": methods.gradient_label(first["gradient"]),
                "Cell": methods.cell_label(first["cell"]),
                "L": labels.whole(first["layers"]),
                "D": "N" if square.all() else labels.span(group["inputs"], labels.whole),
                "B": labels.whole(first["batch"]),
                **{f"{memory:g} GB": labels.whole(largest) for memory, largest in fits},
            }
        )
    return Table(frame, pd.DataFrame(rows).fillna(labels.NOTHING))
