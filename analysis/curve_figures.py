"""Learning curves, mean over seeds with a band of one standard deviation: the paper's figures 1 and 2, all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import labels, panels
from analysis.load import Results
from analysis.summary import paper_score, paper_values, papers_simulator
from analysis.table import texts

FIGURE1_SUITES = ("dmlab", "procgen")
FIGURE2_GAMES = ("breakout", "gravitar", "mspacman", "qbert", "seaquest")
POINTS = 100  # of a drawn curve
SMOOTHING = 0.05  # share of a run's log intervals in the sliding mean
BAND_COLUMNS = ["environment", "backend", "unroll", "method", "env_frames", "mean", "std", "n"]


def figure1(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """A panel per DMLab or ProcGen environment, simulator and M."""
    runs = _titled(results.runs[results.runs["suite"].isin(FIGURE1_SUITES)])
    keys = sorted(set(zip(runs["unroll"], runs["title"])))
    return _draw(results, runs, [(title, unroll) for unroll, title in keys])


def figure2(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """The paper's five Atari games, run here or not, and any other Atari game that was run; a panel per M."""
    runs = _titled(results.runs[results.runs["suite"] == "atari"])
    if runs.empty:
        return _draw(results, runs, [])
    others = [game for game in runs["environment"].unique() if game not in FIGURE2_GAMES]
    keys = []
    for game in [*FIGURE2_GAMES, *sorted(others)]:
        played = runs[runs["environment"] == game]
        keys += sorted(set(zip(played["title"], played["unroll"]))) or [(labels.panel(game), 0)]
    return _draw(results, runs, keys)


def others(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """A panel per environment, its options and M of every run that is in no other figure of training or success."""
    runs = results.runs
    elsewhere = runs["suite"].isin((*FIGURE1_SUITES, "atari")) | runs["memory_task"]
    runs = _titled(runs[~elsewhere], texts(runs[~elsewhere], labels.variant, "environment", "options"))
    keys = sorted(set(zip(runs["unroll"], runs["title"])))
    return _draw(results, runs, [(title, unroll) for unroll, title in keys])


def _titled(runs: pd.DataFrame, titles: list[str] | None = None) -> pd.DataFrame:
    """The runs with the title of the panel in which each is drawn."""
    titles = titles or texts(runs, labels.panel, "environment", "backend")
    return runs.assign(title=[labels.layered(title, layers) for title, layers in zip(titles, runs["layers"])])


def band(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Mean and standard deviation (ddof = 1) over runs of the smoothed return, on common env frames.

    Each run's curve is the mean return over a sliding window of log intervals, weighted by the episodes that ended in
    them. Runs in which no episode ended contribute nothing; `n` counts those that do.
    """
    smooth = [s for s in map(_smooth, curves) if len(s)]
    if not smooth:
        return pd.DataFrame(columns=BAND_COLUMNS[4:])
    start, end = max(s["x"].iloc[0] for s in smooth), min(s["x"].iloc[-1] for s in smooth)
    frames = np.linspace(start, max(start, end), POINTS)
    values = np.array([np.interp(frames, s["x"], s["y"]) for s in smooth])
    std = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(POINTS, np.nan)
    return pd.DataFrame({"env_frames": frames, "mean": values.mean(axis=0), "std": std, "n": len(values)})


def _smooth(curve: pd.DataFrame) -> pd.DataFrame:
    curve = curve.sort_values("env_frames")
    window = max(1, round(SMOOTHING * len(curve)))
    weight = curve["episodes"].where(curve["episode_return_mean"].notna(), 0)
    total = (curve["episode_return_mean"].fillna(0) * weight).rolling(window, min_periods=1).sum()
    count = weight.rolling(window, min_periods=1).sum()
    smooth = pd.DataFrame({"x": curve["env_frames"], "y": total / count.where(count > 0)})
    return smooth.dropna()


def _draw(results: Results, runs: pd.DataFrame, keys: list[tuple[str, int]]) -> tuple[Figure | None, pd.DataFrame]:
    if not keys:
        return None, pd.DataFrame()
    figure, axes = panels.grid(len(keys), 3)
    styles = panels.looks(runs["method"])
    values = paper_values()
    data = []
    has_reference = False
    for place, (title, unroll) in zip(axes, keys):
        chosen = runs[(runs["title"] == title) & (runs["unroll"] == unroll)]
        if chosen.empty:
            place.set_title(title)
            _say_empty(place, "no runs")
            continue
        panels.facts(place, f"{title}, M = {unroll}", chosen)
        for _, group in chosen.groupby(["method", "setting"], sort=False):
            curves = [results.curves[results.curves["folder"] == folder] for folder in group["folder"]]
            same = {key: group[key].iloc[0] for key in BAND_COLUMNS[:4]}
            drawn = band(curves).assign(**same)
            _draw_band(place, drawn, styles[group["method"].iloc[0]])
            data.append(drawn)
        if not place.lines:
            _say_empty(place, "no episode ended within this budget")
            continue
        has_reference |= _draw_paper(place, chosen, values, styles)
        place.xaxis.set_major_formatter(EngFormatter(sep=""))
        place.xaxis.set_major_locator(MaxNLocator(4))
    panels.label(axes, "environment frames", "training return")
    paper = [Line2D([], [], color="#444444", lw=0.9, ls=(0, (1, 2)), label="paper's final score")]
    panels.legend(figure, styles, paper if has_reference else [], markers=False)
    bands = [one for one in data if len(one)] or [pd.DataFrame(columns=BAND_COLUMNS)]
    return figure, pd.concat(bands, ignore_index=True)[BAND_COLUMNS]


def _say_empty(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", color="#444444")
    axes.set(xticks=[], yticks=[])


def _draw_band(axes: Axes, drawn: pd.DataFrame, style: panels.Style) -> None:
    if len(drawn):
        x, mean, std = (drawn[c].to_numpy(dtype=float) for c in ("env_frames", "mean", "std"))
        marker = style["marker"] if x[0] == x[-1] else ""  # a line through a single point cannot be seen
        axes.plot(x, mean, color=style["color"], linestyle=style["linestyle"], marker=marker)
        axes.fill_between(x, mean - std, mean + std, color=style["color"], alpha=0.18, linewidth=0)


def _draw_paper(axes: Axes, runs: pd.DataFrame, values: pd.DataFrame, styles: panels.Styles) -> bool:
    """The paper's final scores as lines where they fit the panel, else as a note; whether lines were drawn."""
    first = runs.iloc[0]
    if not papers_simulator(first["suite"], first["backend"]):
        return False
    scores = {}
    for method in styles:
        row = paper_score(values, first["environment"], method, first["unroll"])
        if row is not None:
            scores[method] = float(row["score"])
    if not scores:
        return False
    low, high = axes.get_ylim()
    room = 0.5 * (high - low)
    if low - room <= min(scores.values()) and max(scores.values()) <= high + room:
        for method, score in scores.items():
            axes.axhline(score, color=styles[method]["color"], lw=0.9, ls=(0, (1, 2)))
        return True
    short = {"feedforward": "FF"}
    text = ", ".join(f"{short.get(m, labels.method(m))} {labels.number(s)}" for m, s in scores.items())
    axes.set_ylim(low, high + 0.25 * (high - low))
    axes.text(
        0.03,
        0.97,
        f"paper, off this scale:\n{text}",
        transform=axes.transAxes,
        va="top",
        fontsize=panels.SMALL - 0.5,
        color="#444444",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )
    return False
