"""What each gradient method costs

The cost of each gradient method at every point of every sweep: predicted by formula, counted operator by operator, and
measured. Sizes: L layers, N hidden units, D inputs, B slots (environments played at the same time), M steps in a
segment, T steps in an episode (which matters to full BPTT alone). "Carried" is what a method hands from one segment
to the next; peak memory adds the working memory of a segment. FLOPs and times are for one environment step of all B
slots, forward pass and gradient; a multiply-add counts as two. Predictions, counts and measurements of memory
include the parameters and their gradient. Times are medians over alternating repeats, with quartiles. The note says
why a number is missing.
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

PLACE = 1
TIMES = ("measured_step_s", "measured_step_s_low", "measured_step_s_high")


def build(results: Results) -> Table:
    """Every point of every sweep."""
    frame = results["points"]
    if frame.empty:
        raise NothingToShow(NOT_STUDIED)
    text = {
        "Sweep": frame["sweep"],
        "Method": frame["gradient"].map(methods.gradient_label),
        "Cell": frame["cell"].map(methods.cell_label),
        **{symbol: frame[size].map(labels.whole) for size, symbol in SYMBOLS.items()},
        "Carried predicted": frame["predicted_state_bytes"].map(labels.memory),
        "Peak memory predicted": frame["predicted_peak_bytes"].map(labels.memory),
        "Peak memory counted": frame["counted_peak_bytes"].map(labels.memory),
        "Peak memory measured": frame["measured_peak_bytes"].map(labels.memory),
        "FLOPs per step predicted": frame["predicted_flops_per_step"].map(labels.count),
        "FLOPs per step counted": frame["counted_flops_per_step"].map(labels.count),
        "Time per step [quartiles]": texts(frame, _time, *TIMES),
        "Measured with": texts(frame, _measured_with, "implementation", "device", "repeats"),
        "Note": frame["note"],
    }
    return Table(frame, pd.DataFrame(text), (source(results),))


def _time(median: float, low: float, high: float) -> str:
    if not math.isfinite(low):
        return labels.step_time(median)
    return f"{labels.step_time(median)} [{labels.span((low, high), labels.step_time)}]"


def _measured_with(implementation: str, device: str, repeats: float) -> str:
    times = f", {repeats:.0f} repeats" if math.isfinite(repeats) else ""
    return f"{implementation} on {device}{times}" if implementation else labels.NOTHING
