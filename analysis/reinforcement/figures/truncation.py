"""Where truncation hurts

Cosine of TBPTT's gradient to the exact one, which reaches back to the start of the episode, against M, in the first,
the middle and the last fifth of an agent's training. One rollout of one agent is cut into segments of each M in turn;
each segment has the loss that a learner with this M would have, and the parameters are held fixed. Only the gradients
of the recurrent layers are compared, not those of the vision stem. Mean over seeds, with a band from the lowest seed to
the highest. Table ``cosines`` says what the agents had learned by the end.
"""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import NullLocator

from analysis import labels, style
from analysis.load import Results
from analysis.reinforcement import truncations

PLACE = 5
ENOUGH = 0.95


def draw(results: Results) -> style.Drawing:
    """A panel per part of training, a line per task."""
    numbers = truncations.numbers(results)
    figure, panels = plt.subplots(1, len(truncations.PARTS), figsize=(7.2, 3.0), sharey=True)
    lines = [line for _, line in numbers.groupby(truncations.LINE, dropna=False, observed=True, sort=False)]
    for axes, part in zip(panels, truncations.PARTS):
        for line, colour, marker in zip(lines, cycle(sns.color_palette("colorblind")), cycle(style.MARKERS)):
            shown = line[line["part"] == part]
            axes.plot(shown["unroll"], shown["cosine"], color=colour, marker=marker, ms=4, label=_label(line))
            axes.fill_between(shown["unroll"], shown["low"], shown["high"], color=colour, alpha=0.13, lw=0)
        axes.axhline(1, **style.EXACT)
        axes.set(xscale="log", xlabel="M of TBPTT", xticks=sorted(set(numbers["unroll"])))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        style.headed(axes, f"{part} of training", [_held(numbers[numbers["part"] == part])])
    panels[0].set(ylim=(min(0, numbers["low"].min() - 0.03), 1.05), ylabel="cosine to the exact gradient")
    figure.tight_layout()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.02, 0), ncols=1)
    return style.Drawing(figure, numbers, verdict(numbers))


def _label(line: pd.DataFrame) -> str:
    first = line.iloc[0]
    agents = f"{first['method']} at M = {first['trained_at']}, {labels.count(first['env_frames'])} env frames"
    seeds = f"n = {labels.span(line['n'], labels.whole)}"
    return f"{first['task']}: {labels.listed(agents, first['apart'], seeds, first['backend'])}"


def _held(points: pd.DataFrame) -> str:
    """How much a point rests on: `9–10 comparisons an agent, 3 agents a line`."""
    each = labels.span([*points["comparisons_low"], *points["comparisons_high"]], labels.whole)
    agents = labels.span(points["n"], labels.whole)
    return f"{labels.counted(each, 'comparison')} an agent, {labels.counted(agents, 'agent')} a line"


def verdict(numbers: pd.DataFrame) -> str:
    """Of each task, at the end of training: the cosine at the shortest M, and the M from which it is ENOUGH."""
    said = []
    for _, line in numbers[numbers["part"] == "end"].groupby(truncations.LINE, dropna=False, observed=True):
        short, poor = line.iloc[0], line.loc[line["cosine"] < ENOUGH, "unroll"]
        good = line.loc[line["unroll"] > (poor.max() if len(poor) else 0), "unroll"]
        enough = f"{ENOUGH} or more from M = {good.min()} on" if len(good) else f"below {ENOUGH} at the longest M too"
        said.append(
            (short["cosine"], f"{short['task']} {labels.number(short['cosine'])} at M = {short['unroll']}, {enough}")
        )
    if not said:
        return "No comparison was made in the last fifth of training."
    return f"Cosine at the end of training, lowest first: {'; '.join(text for _, text in sorted(said))}."
