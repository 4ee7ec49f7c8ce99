"""Learning curves: training return against env frames, mean over seeds with a band of one standard deviation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names, panels, paper

LOGGED = 10  # log intervals with a finished episode, at least: fewer are no curve
POINTS = 100  # of a drawn curve
SMOOTHING = 0.05  # share of a run's log intervals in the sliding mean
SAME = ["folder", "panel", "environment", "backend", "unroll", "method", *methods.COLUMNS]
PAPER = {**style.REFERENCE, "lw": 1.1}
POINT = ["environment", "backend", "unroll", "method", "env_frames"]


def titles(runs: pd.DataFrame) -> pd.Series:
    """The title of the panel in which each run is drawn."""
    texts = [
        f"{labels.layered(names.panel(environment, backend), layers)}, {style.unbroken(f'M = {unroll}')}"
        for environment, backend, layers, unroll in zip(
            *(runs[c] for c in ("environment", "backend", "layers", "unroll"))
        )
    ]
    return pd.Series(texts, runs.index, dtype=object)


def draw(results: Results, runs: pd.DataFrame) -> style.Drawing:
    """A panel for each title in column `panel`, in the order of the runs."""
    if runs.empty:
        raise NothingToShow("no runs of this kind")
    curves = {str(folder): curve for folder, curve in results["curves"].groupby("folder")}
    parts = [common_frames(group, curves) for _, group in runs.groupby(["panel", "setting"], sort=False)]
    parts = [part for part in parts if len(part)]
    drawn = list(dict.fromkeys(part["panel"].iloc[0] for part in parts))
    few = [title for title in runs["panel"].unique() if title not in drawn]
    note = f"not drawn, fewer than {LOGGED} logged points a run: {'; '.join(few)}" if few else ""
    if not drawn:
        raise NothingToShow(note)
    curve = pd.concat(parts)
    found = methods.methods(curve)
    grid = sns.relplot(
        data=curve,
        **{"x": "env_frames", "y": "return", "kind": "line", "errorbar": "sd"},
        **{"col": "panel", "col_order": drawn, "col_wrap": min(3, len(drawn)), "aspect": 1.1},
        **{**style.FACETS, **style.lines(found, marked=False)},
    )
    has_paper = False
    for title, axes in grid.axes_dict.items():
        chosen = runs[runs["folder"].isin(curve.loc[curve["panel"] == title, "folder"])]
        panels.facts(axes, title, chosen)
        style.from_zero(axes)
        has_paper |= _draw_paper(axes, chosen)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    grid.set_axis_labels("environment frames", "training return")
    paper_line = [Line2D([], [], label="paper's final score", **PAPER)] if has_paper else []
    style.finish(grid.figure, found.values(), paper_line, marked=False)
    returns = curve.groupby(["panel", *POINT], observed=True, sort=False)["return"]
    bands = returns.agg(mean="mean", std="std", n="count").reset_index().drop(columns="panel")
    return style.Drawing(grid.figure, bands, note)


def common_frames(runs: pd.DataFrame, curves: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The smoothed curves of the runs of one setting at POINTS env frames that all of them have, a row per point.

    Without the runs in which fewer than LOGGED log intervals saw an episode end.
    """
    smooth = [(run, smoothed(curves[run["folder"]])) for _, run in runs.iterrows()]
    smooth = [(run, points) for run, points in smooth if len(points) >= LOGGED]
    if not smooth:
        return pd.DataFrame()
    frames = np.linspace(max(p["x"].iloc[0] for _, p in smooth), min(p["x"].iloc[-1] for _, p in smooth), POINTS)
    values = [np.interp(frames, points["x"], points["y"]) for _, points in smooth]
    same = pd.DataFrame([run[SAME] for run, _ in smooth]).astype({"method": runs["method"].dtype})
    long = same.loc[same.index.repeat(POINTS)].reset_index(drop=True)
    return long.assign(env_frames=np.tile(frames, len(smooth)), **{"return": np.concatenate(values)})


def smoothed(curve: pd.DataFrame) -> pd.DataFrame:
    """Mean return over a sliding window of log intervals, weighted by the episodes that ended in them."""
    curve = curve.sort_values("env_frames")
    window = max(1, round(SMOOTHING * len(curve)))
    weight = curve["episodes"].where(curve["episode_return_mean"].notna(), 0)
    total = (curve["episode_return_mean"].fillna(0) * weight).rolling(window, min_periods=1).sum()
    count = weight.rolling(window, min_periods=1).sum()
    smooth = pd.DataFrame({"x": curve["env_frames"], "y": total / count.where(count > 0)})
    return smooth.dropna()


def _draw_paper(axes: Axes, runs: pd.DataFrame) -> bool:
    """The paper's final scores as lines where they fit the panel, else as a note; whether lines were drawn."""
    rows = {str(name): paper.published(group.iloc[0]) for name, group in runs.groupby("method", observed=True)}
    scores = {name: float(row["score"]) for name, row in rows.items() if row is not None}
    if not scores:
        return False
    low, high = axes.get_ylim()
    room = 0.5 * (high - low)
    if low - room <= min(scores.values()) and max(scores.values()) <= high + room:
        colours = {name: method.colour for name, method in methods.methods(runs).items()}
        for name, score in scores.items():
            axes.axhline(score, **{**PAPER, "color": colours[name]})
        axes.set_ylim(min(low, *scores.values()), 1.05 * max(high, *scores.values()))
        return True
    text = ", ".join(f"{name} {labels.number(score)}" for name, score in scores.items())
    axes.set_ylim(low, high + 0.25 * (high - low))
    note = axes.text(0.03, 0.97, f"paper, off this scale:\n{text}", transform=axes.transAxes, va="top")
    note.set(fontsize=style.SMALL - 0.5, color=style.GREY)
    note.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})
    return False
