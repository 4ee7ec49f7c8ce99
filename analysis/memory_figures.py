"""Memory study: success rate against delay, and against the initial retention, for each method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import labels, panels
from analysis.comparisons import delay_study
from analysis.load import Results
from analysis.stats import summarise

CHANCE = 0.5  # of a policy without memory, in every memory task of the harness
PANEL = (3.5, 2.6)
SPREAD = 0.5  # width, in steps of the x axis, over which the methods stand side by side
COLUMNS = (
    "environment options unroll retention delay method n iqm low high mean std seed_scores backend env_frames"
).split()


def against_delay(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """A panel per task and M, at the initial retention that was run with the most delays."""
    runs = delay_study(_memory_runs(results))
    if runs.empty:
        return None, pd.DataFrame()
    groups = [group for _, group in runs.groupby(["environment", "other_options", "unroll", "layers"])]
    figure, axes = panels.grid(len(groups), 2, PANEL)
    styles = panels.looks(runs["method"])
    data = []
    for place, chosen in zip(axes, groups):
        first = chosen.iloc[0]
        panels.facts(place, _title(first, f"initial retention {labels.retention(first['retention'])}"), chosen)
        delays = sorted(chosen["delay"].unique())
        data.append(_draw_panel(place, chosen, "delay", delays, [f"{d:g}" for d in delays], styles))
        place.axvline(_position(first["unroll"], delays), color="#444444", lw=1, ls=(0, (4, 3)), zorder=0)
    panels.label(axes, "delay between cue and choice (steps)", "success rate")
    m_line = Line2D([], [], color="#444444", lw=1, ls=(0, (4, 3)), label="segment length M")
    return _finish(figure, styles, [m_line]), pd.concat(data, ignore_index=True)


def against_retention(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """A panel per task, M and delay, with the methods that were run at more than one initial retention."""
    setting = ["environment", "other_options", "unroll", "delay", "design"]
    runs = _memory_runs(results)
    if runs.empty:
        return None, runs
    retentions = runs.groupby([*setting, "method"])["retention"].transform("nunique", dropna=False)
    groups = [group for _, group in runs[retentions > 1].groupby(setting)]
    if not groups:
        return None, pd.DataFrame()
    figure, axes = panels.grid(len(groups), 2, PANEL)
    styles = panels.looks(method for group in groups for method in group["method"])
    data = []
    for place, chosen in zip(axes, groups):
        first = chosen.iloc[0]
        panels.facts(place, _title(first, f"delay {first['delay']:g}"), chosen)
        values = sorted(chosen["retention"].unique(), key=lambda value: -1 if np.isnan(value) else value)
        ticks = ["paper's\ninit" if np.isnan(value) else f"{value:g}" for value in values]
        data.append(_draw_panel(place, chosen, "retention", values, ticks, styles))
    panels.label(axes, "initial retention (upper end of the initial time scale, steps)", "success rate")
    return _finish(figure, styles, []), pd.concat(data, ignore_index=True)


def _memory_runs(results: Results) -> pd.DataFrame:
    return results.runs[results.runs["memory_task"]]


def _title(run: pd.Series, setting: str) -> str:
    task = labels.variant(run["environment"], run["other_options"])
    return f"{labels.layered(task, run['layers'])}, M = {run['unroll']}, {setting}"


def _draw_panel(
    axes: Axes,
    runs: pd.DataFrame,
    column: str,
    values: Sequence[float],
    ticks: list[str],
    styles: panels.Styles,
) -> pd.DataFrame:
    """Seeds, IQM and interval of each method at equally spaced `values` of `column`; the numbers drawn."""
    rows = []
    methods = [method for method in styles if method in set(runs["method"])]
    for k, method in enumerate(methods):
        shift = SPREAD * ((k + 0.5) / len(methods) - 0.5)
        style = styles[method]
        points = []
        for place, value in enumerate(values):
            here = runs[column].isna() if np.isnan(value) else runs[column] == value
            cell = runs[(runs["method"] == method) & here]
            for _, group in cell.groupby("setting", sort=False):
                seeds = sorted(group["score"])
                summary = summarise(seeds)
                points.append((place + shift, summary))
                axes.plot([place + shift] * len(seeds), seeds, ".", color=style["color"], alpha=0.45, ms=5, mew=0)
                first = {key: group[key].iloc[0] for key in COLUMNS if key in group}
                text = " ".join(f"{value:.4f}" for value in seeds)
                rows.append({**first, **vars(summary), "seed_scores": text})
        x = [position for position, _ in points]
        y = np.array([summary.iqm for _, summary in points])
        error = np.array([(s.iqm - s.low, s.high - s.iqm) for _, s in points]).T
        axes.errorbar(x, y, np.nan_to_num(error).clip(min=0), **{**style, "lw": 1.1}, mec="white", mew=0.6)
    axes.axhline(CHANCE, color="#7a7a7a", lw=0.9, ls=(0, (1, 2)), zorder=0)
    axes.set(xticks=range(len(values)), xlim=(-0.6, len(values) - 0.4), ylim=(-0.03, 1.06))
    axes.set_xticklabels(ticks)
    axes.grid(visible=False, axis="x")
    return pd.DataFrame(rows, columns=COLUMNS)


def _position(value: float, places: Sequence[float]) -> float:
    """Where `value` lies on an axis with `places` at 0, 1, 2, ...; half a step outside if beyond their range."""
    if value < places[0]:
        return -0.5
    if value > places[-1]:
        return len(places) - 0.5
    return float(np.interp(value, places, range(len(places))))


def _finish(figure: Figure, styles: panels.Styles, extra: list[Line2D]) -> Figure:
    chance = Line2D([], [], color="#7a7a7a", lw=0.9, ls=(0, (1, 2)), label="chance")
    panels.legend(figure, styles, [*extra, chance], markers=True)
    return figure
