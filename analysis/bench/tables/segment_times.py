"""What a segment costs on this machine

Forward pass and gradient of the eLSTM's recurrence by exact RTRL, by TBPTT, by the same TBPTT written step by step
under autograd, and by torch's LSTM of the same size (cuDNN's on a GPU), which has twice the gates and a dense
recurrence: median milliseconds in float32. The floor is the sensitivities read and written once and four matrix
products, at rates measured beside. In the rows of one graph a segment is launched as a whole, so that no time is spent
on launching kernels.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table

SIZES = {"B": "batch", "N": "hidden", "M": "unroll"}
TIMES = {"rtrl": "RTRL", "tbptt": "TBPTT", "autograd": "autograd", "lstm": "LSTM", "floor": "floor"}


def build(results: Results) -> Table:
    """A row per device and size."""
    frame = results["bench_segments"]
    if frame.empty:
        raise NothingToShow(NOT_MEASURED)
    text = {"Device": frame["device_name"]}
    text |= {symbol: frame[size].map(labels.whole) for symbol, size in SIZES.items()}
    text["Launched"] = frame["graph"].map(lambda graph: "one graph" if graph is True else "call by call")
    text["Loss"] = frame["loss"].fillna("every step")
    text |= {f"{title} (ms)": (1e3 * frame[f"{key}_s"]).map(labels.number) for key, title in TIMES.items()}
    ratios = {f"RTRL/{TIMES[key]}": frame["rtrl_s"] / frame[f"{key}_s"] for key in ("tbptt", "lstm", "floor")}
    text |= {title: ratio.map(lambda value: labels.number(value, 2)) for title, ratio in ratios.items()}
    return Table(frame, pd.DataFrame(text))
