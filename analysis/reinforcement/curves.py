"""Learning curves: training return against env frames, mean over seeds with a band of one standard deviation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names, panels, paper, players

LOGGED = 10  # log intervals with a finished episode, at least: fewer are no curve
POINTS = 100  # of a drawn curve
WIDE = 3  # panels side by side
SMOOTHING = 0.05  # share of a run's log intervals in the sliding mean
SAME = ["folder", "panel", "environment", "backend", "unroll", "method", *methods.COLUMNS]
PAPER = {**style.REFERENCE, "lw": 1.1}
PLAYERS = {"random": style.REFERENCE, "oracle": {**style.REFERENCE, "ls": (0, (6, 2))}}
LABELS = {"random": "random play", "oracle": "oracle: sees everything"}
POINT = ["environment", "backend", "unroll", "method", "env_frames"]


def draw_panels(
    results: Results, places: Sequence[tuple[str, int]], others: Sequence[tuple[str, int]] = ()
) -> style.Drawing:
    """The paper's panels (a), (b), ..., each an environment and an M, of agents with one layer; then those of `others`.

    A place has a panel for each simulator that ran there; those without a curve are named in the note.
    """
    runs, chosen, order, missing = results["runs"], [], [], []
    letters = [*"abcdef"[: len(places)], *("" for _ in others)]
    for letter, (environment, unroll) in zip(letters, [*places, *others]):
        here = runs[at(runs, environment, unroll)]
        start, m = f"({letter}) " * bool(letter), style.unbroken(f"M = {unroll}")
        titles = [f"{start}{names.panel(environment, backend)}, {m}" for backend in here["backend"]]
        order += sorted(set(titles))
        missing += [] if titles else [f"{start}{names.panel(environment)}, {m}"]
        chosen.append(here.assign(panel=titles))
    return draw(results, pd.concat(chosen), order=order, missing=missing)


def at(runs: pd.DataFrame, environment: str, unroll: int) -> pd.Series:
    """Which runs have their place in the paper's panel of an environment and an M: those of one layer."""
    return (runs["environment"] == environment) & (runs["unroll"] == unroll) & (runs["layers"] == 1)


def draw(
    results: Results,
    runs: pd.DataFrame,
    height: float = 2.7,
    aspect: float = 1.1,
    order: Sequence[str] = (),
    missing: Sequence[str] = (),
    wide: int = WIDE,
) -> style.Drawing:
    """A panel for each title in column `panel`, in the order of the runs or in `order`.

    `height`: of a panel, in inches. `wide`: panels side by side. `missing`: titles of panels that no run has finished
    for. Runs that differ in more than method and seed get panels of their own.
    """
    if runs.empty:
        raise NothingToShow("no finished runs of these environments")
    curves, before, runs = of_runs(results), runs["panel"], panels.split(runs)
    parts_of = {title: list(runs["panel"][before[runs.index] == title].unique()) for title in order}
    parts = [common_frames(group, curves) for _, group in runs.groupby(["panel", "setting"], sort=False)]
    parts = [part for part in parts if len(part)]
    drawn = list(dict.fromkeys(part["panel"].iloc[0] for part in parts))
    few = _without_curve(runs, {folder for part in parts for folder in part["folder"]})
    too_few = f"fewer than {LOGGED} logged points a run: {'; '.join(few)}"
    if not drawn:
        raise NothingToShow(too_few)
    none = f"no finished runs: {'; '.join(missing)}"
    left_out = [why for why, which in ((too_few, few), (none, missing)) if which]
    note = f"not drawn, {'; '.join(left_out)}" if left_out else ""
    drawn = [part for title in order for part in parts_of[title] if part in drawn] or drawn
    curve = pd.concat(parts)
    found = methods.methods(curve)
    grid = sns.relplot(
        data=curve,
        **{"x": "env_frames", "y": "return", "kind": "line", "errorbar": "sd"},
        **{"col": "panel", "col_order": drawn, "col_wrap": min(wide, len(drawn)), "aspect": aspect},
        **{**style.FACETS, **style.lines(found, marked=False), "height": height},
    )
    has_paper, references = False, dict[str, Line2D]()
    for title, axes in grid.axes_dict.items():
        chosen = runs[(runs["panel"] == title) & runs["folder"].isin(curve.loc[curve["panel"] == title, "folder"])]
        panels.facts(axes, title, chosen)
        style.from_zero(axes)
        has_paper |= _draw_paper(axes, chosen)
        references |= _draw_players(axes, chosen.iloc[0])
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    grid.set_axis_labels("environment frames", "training return (actions sampled)")
    paper_line = [Line2D([], [], label="paper's final score", **PAPER)] if has_paper else []
    style.finish(grid.figure, found.values(), [*references.values(), *paper_line], marked=False)
    returns = curve.groupby(["panel", *POINT], observed=True, sort=False)["return"]
    bands = returns.agg(mean="mean", std="std", n="count").reset_index().drop(columns="panel")
    return style.Drawing(grid.figure, bands, note)


def _without_curve(runs: pd.DataFrame, drawn: Collection[str]) -> list[str]:
    """The panels of which nothing is drawn; of the others the methods of which something is not, and how many seeds."""
    said = []
    for title, panel in runs.groupby("panel", sort=False):
        lost = panel[~panel["folder"].isin(drawn)]
        counts = lost.groupby("method", observed=True, sort=False).size()
        seeds = ", ".join(f"{labels.counted(n, 'seed')} of {method}" for method, n in counts.items())
        if len(lost):
            said.append(str(title) if len(lost) == len(panel) else f"{title} ({seeds})")
    return said


def of_runs(results: Results) -> dict[str, pd.DataFrame]:
    """The curve of every run, by its folder."""
    return {str(folder): curve for folder, curve in results["curves"].groupby("folder")}


def common_frames(runs: pd.DataFrame, curves: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The smoothed curves of the runs of one setting at POINTS env frames that all of them have, a row per point.

    Without the runs in which fewer than LOGGED log intervals saw an episode end.
    """
    smooth = [(run, to_draw(curves[run["folder"]])) for _, run in runs.iterrows()]
    smooth = [(run, points) for run, points in smooth if len(points) >= LOGGED]
    if not smooth:
        return pd.DataFrame()
    frames = np.linspace(max(p["x"].iloc[0] for _, p in smooth), min(p["x"].iloc[-1] for _, p in smooth), POINTS)
    values = [np.interp(frames, points["x"], points["y"]) for _, points in smooth]
    same = pd.DataFrame([run[SAME] for run, _ in smooth]).astype({"method": runs["method"].dtype})
    long = same.loc[same.index.repeat(POINTS)].reset_index(drop=True)
    return long.assign(env_frames=np.tile(frames, len(smooth)), **{"return": np.concatenate(values)})


def to_draw(curve: pd.DataFrame) -> pd.DataFrame:
    """A smoothed curve from its first whole window on.

    Where an episode ends when it is solved, the best episodes of training's first steps end first.
    """
    smooth = smoothed(curve)
    return smooth[smooth["x"] >= curve["env_frames"].nsmallest(_window(curve)).iloc[-1]]


def smoothed(curve: pd.DataFrame) -> pd.DataFrame:
    """Mean return over a sliding window of log intervals, weighted by the episodes that ended in them."""
    curve, window = curve.sort_values("env_frames"), _window(curve)
    weight = curve["episodes"].where(curve["episode_return_mean"].notna(), 0)
    total = (curve["episode_return_mean"].fillna(0) * weight).rolling(window, min_periods=1).sum()
    count = weight.rolling(window, min_periods=1).sum()
    smooth = pd.DataFrame({"x": curve["env_frames"], "y": total / count.where(count > 0)})
    return smooth.dropna()


def _window(curve: pd.DataFrame) -> int:
    """Log intervals in the sliding mean."""
    return max(1, round(SMOOTHING * len(curve)))


def _draw_players(axes: Axes, run: pd.Series) -> dict[str, Line2D]:
    """Lines at the scores of the reference players of a panel's environment; what the legend needs of them."""
    scores = {"random": players.floor(run), "oracle": players.score(run["environment"], run["backend"], "oracle")}
    drawn = [name for name, score in scores.items() if np.isfinite(score)]
    for name in drawn:
        axes.axhline(scores[name], **PLAYERS[name])
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.05 * scores[name]))
    return {name: Line2D([], [], label=LABELS[name], **PLAYERS[name]) for name in drawn}


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
