"""The memory study: success rate of each method against delay, or against the initial retention."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn as sns

from analysis import labels, methods, stats, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import panels
from analysis.reinforcement.players import CHANCE

SPREAD = 0.36  # width, in steps of the x axis, over which methods stand side by side: no step could be meant
SAME = ["environment", "options", "unroll", "retention", "delay", "method", "backend", "env_frames"]
CHANCE_LINE = {**style.REFERENCE, "label": "chance"}


def runs(results: Results) -> pd.DataFrame:
    """The runs of the study; NothingToShow where there are none."""
    found = results["runs"][results["runs"]["memory_task"]]
    if found.empty:
        raise NothingToShow("no finished runs of the memory tasks")
    return found


def aside(found: pd.DataFrame, chosen: pd.DataFrame) -> str:
    """What has to be said where runs of a study were not chosen."""
    left = len(found) - len(chosen)
    return f"Not shown: {labels.counted(left, 'run')} of other tasks, settings or initial retentions." if left else ""


def draw(chosen: pd.DataFrame, x: str, write: Callable[[float], str], x_label: str) -> sns.FacetGrid:
    """A panel for each title in column `panel`: seeds, IQM and interval of each method at equally spaced values of `x`.

    `write` writes a value of `x`; its axis is labelled `x_label`. What is drawn is what `numbers` says.
    """
    titles = list(chosen["panel"].unique())
    grid = sns.FacetGrid(
        chosen, col="panel", col_order=titles, col_wrap=min(2, len(titles)), sharex=False, height=2.6, aspect=1.35
    )
    for title, axes in grid.axes_dict.items():
        group = chosen[chosen["panel"] == title].sort_values(x, na_position="first")
        panels.facts(axes, title, group)
        found = methods.methods(group)
        data = {"x": [write(value) for value in group[x]], "y": group["score"].tolist(), "hue": list(group["method"])}
        same = {"hue_order": list(found), "palette": [m.colour for m in found.values()], "legend": False, "ax": axes}
        places, spread = list(dict.fromkeys(data["x"])), SPREAD if len(found) > 1 else 0
        for shift, (label, method) in zip(np.linspace(-spread / 2, spread / 2, len(found)), found.items()):
            seeds = group[group["method"] == label]
            stand = [places.index(write(value)) + shift for value in seeds[x]]  # seaborn's would stand wider apart
            axes.scatter(stand, seeds["score"], s=9, alpha=0.45, color=method.colour, linewidths=0)
        sns.pointplot(
            **{**data, **same, "estimator": stats.iqm, "errorbar": lambda seeds: stats.iqm_interval([seeds])},
            **{"dodge": spread or False, "capsize": 0.04, "lw": 1.1, "err_kws": {"lw": 1.1}},
            **{"markers": [m.marker for m in found.values()], "markersize": 6, "markeredgecolor": "white", "mew": 0.6},
            linestyles=[(0, m.dashes or (1, 0)) for m in found.values()],
        )
        axes.axhline(CHANCE, **CHANCE_LINE)
        axes.set(xlim=(-0.6, group[x].nunique(dropna=False) - 0.4), ylim=(-0.03, 1.06))
        axes.grid(visible=False, axis="x")
    grid.set_axis_labels(x_label, "success rate")
    return grid


def numbers(chosen: pd.DataFrame) -> pd.DataFrame:
    """A row for each point that `draw` shows."""
    rows = []
    for _, group in chosen.groupby(["panel", "setting"], sort=False):
        seeds = " ".join(f"{score:.4f}" for score in sorted(group["score"]))
        rows.append({**group.iloc[0][SAME], **vars(stats.summarise(group["score"])), "seed_scores": seeds})
    return pd.DataFrame(rows)
