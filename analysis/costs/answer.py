"""What RTRL costs beside TBPTT, over all that a cost study measured of both."""

from __future__ import annotations

from analysis import labels
from analysis.load import Results

# The length of episodes matters to neither.
SAME = ["study", "device", "cell", "hidden", "inputs", "batch", "unroll"]


def sentence(results: Results) -> str:
    """How many times as long a step takes, where one layer was timed with both; an empty string where none was."""
    points = results["points"]
    timed = points[(points["layers"] == 1) & (points["measured_step_s"] > 0)]
    took = timed.pivot_table("measured_step_s", SAME, "gradient").reindex(columns=["rtrl", "tbptt"])
    ratios = (took["rtrl"] / took["tbptt"]).dropna()
    if ratios.empty:
        return ""
    times = " to ".join(dict.fromkeys(f"{end:.1f}" for end in (ratios.min(), ratios.max())))
    sizes = labels.counted(len(ratios), "size")
    return f"A learning step of a single recurrent layer takes {times} times as long by RTRL as by TBPTT ({sizes})."
