"""What RTRL costs beside TBPTT, over all that a cost study measured of both."""

from __future__ import annotations

from analysis.load import Results

SAME = ["cell", "hidden", "inputs", "batch", "unroll"]  # the length of episodes matters to neither


def sentence(results: Results) -> str:
    """How many times as long a step takes, where one layer was timed with both; an empty string where none was."""
    points = results["points"]
    timed = points[(points["layers"] == 1) & (points["measured_step_s"] > 0)]
    took = timed.pivot_table("measured_step_s", SAME, "gradient").reindex(columns=["rtrl", "tbptt"])
    ratios = (took["rtrl"] / took["tbptt"]).dropna()
    if ratios.empty:
        return ""
    low, high = ratios.min(), ratios.max()
    return (
        f"To learn, a single recurrent layer takes {low:.1f} to {high:.1f} times as long per step by RTRL as by TBPTT"
        f" ({len(ratios)} sizes)."
    )
