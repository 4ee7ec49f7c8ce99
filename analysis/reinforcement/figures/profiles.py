"""Memory study: performance profiles and sample efficiency

Over all memory tasks of one layer whose delay is at least a segment of M steps, at the initial retention that was run
with the most delays. Left, the performance profile (Agarwal et al. 2021): the share of runs whose success rate in
greedy play is at least the value on the x axis; the higher curve is the better method. Right, sample efficiency: the
interquartile mean over the same runs (the mean without the lowest and the highest quarter) of the share of right
answers during training. Bands are 95 % bootstrap intervals, stratified by task.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import EngFormatter

from analysis import labels, methods, stats, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import curves, memory
from analysis.reinforcement.comparisons import delay_study

PLACE = 5
LEVELS, TIMES = np.linspace(0, 1, 51), 20  # success rates of the profile, points in time


def draw(results: Results) -> style.Drawing:
    """Two panels, with the methods that were run on every task; the others are named."""
    found = memory.runs(results)
    runs = delay_study(found)
    said = [memory.aside(found, runs)]
    runs = runs[(runs["layers"] == 1) & (runs["delay"] >= runs["unroll"])]
    runs = runs.assign(task=runs.groupby(["environment", "options", "unroll"]).ngroup())
    of_run = curves.of_runs(results)
    smooth = {folder: curves.smoothed(of_run[folder]) for folder in runs["folder"]}
    ended = [folder for folder, curve in smooth.items() if len(curve)]  # in which an episode ended
    runs = runs[runs["folder"].isin(ended)]
    tasks = runs.groupby("method", observed=True)["task"].nunique()
    partly = list(tasks.index[tasks < runs["task"].nunique()])
    said.append(f"Not drawn, as they were not run on every one of these tasks: {', '.join(partly)}." if partly else "")
    runs = runs[~runs["method"].isin(partly)]
    if runs.empty:
        raise NothingToShow("no method was run on every memory task with a delay that a segment cannot hold")
    steps = np.linspace(0, min(smooth[folder]["x"].max() for folder in runs["folder"]), TIMES + 1)[1:]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9))
    rows = []
    for label in methods.methods(runs):
        strata = [group for _, group in runs[runs["method"] == label].groupby("task")]
        scores = [group["score"].to_numpy() for group in strata]
        rows += [(label, "profile", x, *stats.bounded(partial(share, x), scores)) for x in LEVELS]
        for at in steps:
            seen = [np.array([np.interp(at, smooth[f]["x"], smooth[f]["y"]) for f in g["folder"]]) for g in strata]
            rows.append((label, "efficiency", at, *stats.bounded(stats.iqm, seen)))
    numbers = pd.DataFrame(rows, columns=["method", "panel", "x", "value", "low", "high"])
    for axes, panel in ((left, "profile"), (right, "efficiency")):
        for label, method in methods.methods(runs).items():
            shown = numbers[(numbers["method"] == label) & (numbers["panel"] == panel)]
            look = {"color": method.colour, "ls": (0, method.dashes or (1, 0))}
            axes.plot(shown["x"], shown["value"], **look)
            axes.fill_between(shown["x"], shown["low"], shown["high"], color=method.colour, alpha=0.13, lw=0)
        axes.set_ylim(0, 1.04)
    count = labels.span(runs.groupby("method", observed=True).size(), labels.whole)
    n = f"{runs['task'].nunique()} tasks, {count} runs a method"
    style.headed(left, "Performance profile", [n])
    style.headed(right, "Sample efficiency", [n])
    left.set(xlabel="success rate τ", ylabel="share of runs with success ≥ τ")
    right.set(xlabel="environment steps", ylabel="right answers in training, IQM")
    right.axhline(memory.CHANCE, **style.REFERENCE)
    right.xaxis.set_major_formatter(EngFormatter(sep=""))
    style.finish(figure, methods.methods(runs).values(), marked=False)
    return style.Drawing(figure, numbers, " ".join(filter(None, said)))


def share(level: float, scores: np.ndarray) -> np.ndarray:
    """Of the scores along the last axis, how many are at least `level`."""
    return np.asarray((scores >= level).mean(axis=-1))
