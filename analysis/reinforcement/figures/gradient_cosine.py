"""Two layers: each method's gradient against the exact one

Cosine between each method's gradient and the exact one while two-layer networks train, measured at updates that are
drawn all along training. Each point is a tenth of training: the mean over seeds, with a band from the lowest seed to
the highest. The exact gradient is that of full BPTT back to the start of the episode, with the current parameters. RTRL
falls short of 1 only because it carries sensitivities from earlier segments, in which the parameters were still
slightly different.
"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import panels
from analysis.reinforcement.curves import LOGGED

PLACE = 6
KEYS = ["environment", "other_options", "delay", "unroll", "retention", "design"]
SAME = ["panel", "environment", "options", "unroll", "retention", "delay", "method"]


def draw(results: Results) -> style.Drawing:
    """A panel per task with its options, M and initial retention."""
    runs = results["runs"]
    runs = runs[(runs["layers"] == 2) & (runs["gradient_points"] >= LOGGED)].sort_values(KEYS, kind="stable")
    if runs.empty:
        raise NothingToShow(f"no gradient of two layers was compared with the exact one {LOGGED} times or more")
    runs = runs.assign(panel=[panels.title(run, options="options") for _, run in runs.iterrows()])
    runs = panels.split(runs)
    measured = _by_tenth(results["gradients"], runs)
    titles, found = list(runs["panel"].unique()), methods.methods(runs)
    look = {**style.FACETS, **style.lines(found), "ms": 4, "err_kws": {"alpha": 0.13, "lw": 0}}
    grid = sns.relplot(
        data=measured,
        **{"x": "env_steps", "y": "cosine", "kind": "line", "errorbar": ("pi", 100)},
        **{"col": "panel", "col_order": titles, "col_wrap": min(2, len(titles)), "aspect": 1.5, **look},
    )
    for title, axes in grid.axes_dict.items():
        panels.facts(axes, title, runs[runs["panel"] == title])
        axes.axhline(1, **style.EXACT)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(min(0, axes.get_ylim()[0]), 1.05)
    grid.set_axis_labels("environment steps", "cosine to the exact gradient")
    style.finish(grid.figure, found.values(), [Line2D([], [], **style.EXACT)])
    bands = measured.groupby([*SAME, "env_steps"], dropna=False, observed=True)["cosine"]
    numbers = bands.agg(mean="mean", low="min", high="max", n="count").reset_index().drop(columns="panel")
    return style.Drawing(grid.figure, numbers)


def _by_tenth(gradients: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The mean of every run in each tenth of its training; env_steps: its middle, as runs compare at other updates."""
    tenths = runs[["folder", *SAME]].assign(tenth=runs["env_steps"] / 10)
    rows = gradients[["folder", "env_steps", "cosine"]].merge(tenths, on="folder")
    rows["env_steps"] = ((rows["env_steps"] // rows["tenth"]).clip(upper=9) + 0.5) * rows["tenth"]
    return rows.groupby(["folder", *SAME, "env_steps"], dropna=False, observed=True)["cosine"].mean().reset_index()
