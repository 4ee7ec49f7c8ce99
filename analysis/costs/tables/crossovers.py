"""Where RTRL becomes the cheaper method

The episode length T from which RTRL needs less memory than full BPTT, and the segment length M from which
segment-wise RTRL costs less than 1.1 times as much as TBPTT at the same sizes. Both are given by prediction (memory;
FLOPs) and by measurement (peak memory; time per step, interpolated between the lengths that were tried). "none"
means: at no length that was searched.
"""

from __future__ import annotations

import math

import pandas as pd

from analysis import labels, methods
from analysis.costs.load import NOT_STUDIED, SYMBOLS
from analysis.costs.source import source
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table, texts

PLACE = 3
CROSSINGS = {
    "episode": "full BPTT → RTRL: memory, by episode length T",
    "unroll": "TBPTT → segment-wise RTRL: within 1.1 × its cost, by segment length M",
}


def build(results: Results) -> Table:
    """Episode and segment lengths from which RTRL is the cheaper method, or nearly so."""
    frame = results["crossovers"]
    if frame.empty:
        raise NothingToShow(NOT_STUDIED)
    text = {
        **({"Study": frame["study"]} if frame["study"].nunique() > 1 else {}),
        "Crossover": frame["kind"].map(CROSSINGS),
        "Cell": frame["cell"].map(methods.cell_label),
        **{SYMBOLS[size]: frame[size].map(labels.whole) for size in ("layers", "hidden", "inputs", "batch")},
        "From": texts(frame, _from, "kind", "value"),
        "Basis": frame["basis"],
        "In words": frame["text"],
    }
    return Table(frame, pd.DataFrame(text), (source(results),))


def _from(kind: str, value: float) -> str:
    return f"{SYMBOLS[kind]} = {value:.0f}" if math.isfinite(value) else "none"
