"""How fast training is on this machine

Environment steps a second of whole training runs with the paper's sizes: acting and learning in turn and beside each
other, by RTRL and by TBPTT. On a GPU the vision stem computes in bfloat16, except in the column float32 (acting beside
learning). The stem alone is the floor: forward for acting, forward and backward for learning, and nothing else.
"""

from __future__ import annotations

import pandas as pd

from analysis import labels
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table

RATES = {
    **{"in_turn": "RTRL in turn", "beside": "RTRL beside", "float32": "float32", "tbptt": "TBPTT in turn"},
    **{"tbptt_beside": "TBPTT beside", "stem": "Stem alone"},
}


def build(results: Results) -> Table:
    """A row per device and setting."""
    frame = results["bench_loop"]
    if frame.empty:
        raise NothingToShow(NOT_MEASURED)
    text = {"Device": frame["device_name"], "Setting": frame["name"]}
    text |= {title: frame[f"{key}_steps_per_s"].map(labels.count) for key, title in RATES.items()}
    best = frame[["in_turn_steps_per_s", "beside_steps_per_s"]].max(axis=1)
    text["Best/stem"] = (best / frame["stem_steps_per_s"]).map(labels.percent)
    return Table(frame, pd.DataFrame(text))
