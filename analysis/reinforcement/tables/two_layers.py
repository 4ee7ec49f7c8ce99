"""Two layers: success, gradient and cost of each method

Networks with two recurrent layers on the memory tasks, trained by each method in otherwise equal settings. Success is
as in the memory study. The cosine compares the method's gradient with the exact one, which full BPTT gives when it goes
back to the start of the episode with the current parameters. It is measured at updates drawn all along training: its
mean, ± the standard deviation over seeds; the lowest value at any update of any seed; and the mean for the lowest
layer's parameters alone. A dash means that it was not measured: columnar training builds another network, whose
gradient has no counterpart. Speed and time per update (M steps in every slot, acting included) are medians over seeds,
peak memory is the highest of any process, and "carried" is what a method hands from one segment to the next.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names
from analysis.reinforcement.settings import rows_apart
from analysis.stats import summarise
from analysis.tables import Table, differing, texts

PLACE = 6
SAME = ["environment", "options", "other_options", "delay", "unroll", "retention", "method", "backend"]


def build(results: Results) -> Table:
    """A row per setting."""
    runs = results["runs"][results["runs"]["memory_task"] & (results["runs"]["layers"] == 2)]
    if runs.empty:
        raise NothingToShow("no memory task was run with two layers in this scale")
    frame = pd.DataFrame([_row(group) for _, group in runs.groupby("setting", sort=False)])
    frame["method"] = frame["method"].astype(runs["method"].dtype)
    keys = ["environment", "other_options", "delay", "unroll", "retention", "method"]
    frame = frame.sort_values(keys, kind="stable").reset_index(drop=True)
    frame = rows_apart(frame, "retention")
    three = partial(labels.number, digits=3)
    text = {
        "Task": texts(frame, names.variant, "environment", "other_options"),
        "Delay": frame["delay"].map(labels.whole),
        "M": frame["unroll"].map(labels.whole),
        "Retention": frame["retention"].map(labels.retention),
        "Method": frame["method"],
        **differing(frame),
        "Success, IQM [95 % interval]": texts(frame, partial(labels.interval, digits=2), "iqm", "low", "high"),
        "Mean ± std": texts(frame, partial(labels.plus_minus, digits=2), "mean", "std"),
        "n": frame["n"].astype(str),
        "Cosine to the exact gradient": texts(frame, partial(labels.plus_minus, digits=3), "cosine_mean", "cosine_std"),
        "Least": frame["cosine_min"].map(three),
        "Lowest layer": frame["cosine_lowest_mean"].map(three),
        "Env steps/s": frame["steps_per_s_median"].map(labels.whole),
        "ms per update": frame["ms_per_update_median"].map(labels.number),
        "Peak memory": frame["peak_bytes_max"].map(labels.memory),
        "Carried": frame["carried_bytes"].map(labels.memory),
        "Device": frame["devices"],
    }
    return Table(frame, pd.DataFrame(text))


def _row(group: pd.DataFrame) -> dict[str, object]:
    """The runs of one setting, which differ in seed alone."""
    first = group.iloc[0]
    return {
        **first[SAME],
        **vars(summarise(group["score"])),
        "cosine_mean": group["gradient_cosine_mean"].mean(),
        "cosine_std": group["gradient_cosine_mean"].std(),
        "cosine_min": group["gradient_cosine_min"].min(),
        "cosine_lowest_mean": group["gradient_cosine_lowest_mean"].mean(),
        "norm_ratio_mean": group["gradient_norm_ratio_mean"].mean(),
        "steps_per_s_median": group["steps_per_s"].median(),
        "ms_per_update_median": (1000 * group["wall_s"] / group["updates"]).median(),
        "peak_bytes_max": group["peak_bytes"].max(),
        "carried_bytes": group["carried_bytes"].max(),
        "devices": labels.joined(f"{name} ({device})" for name, device in zip(group["device_name"], group["device"])),
        **first[["setting", "pairing", "config"]],
    }
