"""Two-layer networks: the cosine of each method's gradient to the exact one, along training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import labels, panels
from analysis.load import Results

PANEL = (3.5, 2.4)
EXACT: dict[str, Any] = {"color": "#7a7a7a", "lw": 0.9, "ls": (0, (1, 2))}
COLUMNS = "environment options unroll retention delay method env_steps mean std n".split()


def cosine(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """A panel per task with its options, M and initial retention: mean over seeds, band of one standard deviation."""
    runs = results.runs
    runs = runs[(runs["layers"] == 2) & (runs["gradient_points"] > 0)]
    if runs.empty:
        return None, pd.DataFrame()
    keys = ["environment", "other_options", "delay", "unroll", "retention", "design"]
    groups = [group for _, group in runs.groupby(keys, dropna=False)]
    figure, axes = panels.grid(len(groups), 2, PANEL)
    styles = panels.looks(runs["method"])
    data = []
    for place, chosen in zip(axes, groups):
        first = chosen.iloc[0]
        task = labels.variant(first["environment"], first["options"])
        panels.facts(place, f"{labels.layered(task, first['layers'])}, M = {first['unroll']}", chosen)
        place.axhline(1, zorder=0, **EXACT)
        for method, style in styles.items():
            measured = results.gradients[results.gradients["folder"].isin(_folders(chosen, method))]
            if measured.empty:
                continue
            drawn = measured.groupby("env_steps")["cosine"].agg(["mean", "std", "count"]).reset_index()
            x, mean, std = (drawn[column].to_numpy(dtype=float) for column in ("env_steps", "mean", "std"))
            place.plot(x, mean, **style, markersize=3.5, markevery=max(1, len(x) // 8))
            place.fill_between(x, mean - std, mean + std, color=style["color"], alpha=0.18, linewidth=0)
            same = {key: first[key] for key in COLUMNS[:5]}
            data.append(drawn.rename(columns={"count": "n"}).assign(**same, method=method))
        place.xaxis.set_major_formatter(EngFormatter(sep=""))
        place.xaxis.set_major_locator(MaxNLocator(5))
        place.set_ylim(top=1.05)
    panels.label(axes, "environment steps", "cosine to the exact gradient")
    panels.legend(figure, styles, [Line2D([], [], label="exact gradient", **EXACT)], markers=True)
    return figure, pd.concat(data, ignore_index=True)[COLUMNS]


def _folders(runs: pd.DataFrame, method: str) -> np.ndarray:
    return runs.loc[runs["method"] == method, "folder"].to_numpy()
