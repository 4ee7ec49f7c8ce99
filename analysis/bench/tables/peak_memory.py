"""Peak memory beside its prediction on this machine

The most memory that stacks of eLSTM layers trained by exact RTRL (parameters and gradients included) and whole training
runs allocated, beside the prediction by which runs that do not fit are refused. Rows without a peak are predictions:
the largest N that fits. On a GPU cuDNN uses further free memory for its convolutions.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table


def build(results: Results) -> Table:
    """A row per device and network."""
    frame = results["bench_memory"]
    if frame.empty:
        raise NothingToShow(NOT_MEASURED)
    text = {
        "Device": frame["device_name"],
        "What": frame["name"],
        "N": frame["hidden"].map(labels.whole),
        "Peak (GB)": (frame["peak_bytes"] / 1e9).map(labels.number),
        "Predicted (GB)": (frame["predicted_bytes"] / 1e9).map(labels.number),
        "Peak/predicted": (frame["peak_bytes"] / frame["predicted_bytes"]).map(lambda ratio: labels.number(ratio, 2)),
    }
    return Table(frame, pd.DataFrame(text))
