"""Approximations of RTRL: accuracy against cost and cosine

Cells with full recurrent matrices, a row for each, trained on one task by exact RTRL (dense RTRL), by approximations of
it and by TBPTT. Each mark is a method: mean accuracy on test sequences, with a bar from the lowest to the highest seed,
against the time of a training step (left), the bytes carried from segment to segment (middle), both for the whole
batch, and the mean cosine between the method's gradient and the exact one while it trains (right). The exact one is
full BPTT's, with the parameters as they are at that moment; a run that ends early, because its task is solved, has
fewer such comparisons. The dotted line is chance. The table Learning rates has what was tried for each method and which
results were not trained with the best; a method that is not there was not tuned. Times are those of the fastest seed,
as other work on a machine adds to them; they are comparable only within one machine.
"""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.sequences import recall
from analysis.sequences.load import described
from analysis.stats import MINIMUM, rank_correlation

PLACE = 3
PANEL = ["task", "options", "cell", "retention", "unroll", "hidden", "batch"]
NAMES = ["gradient", "gradient_options"]
FEWEST = 3  # methods of which a correlation is given
SIDES = {
    "step_ms": "time of a step (ms)",
    "carried_kib": "carried (KiB)",
    "cosine": "mean cosine to the exact gradient",
}


def draw(results: Results) -> style.Drawing:
    """Three panels for each cell and task on which exact RTRL of a dense cell was trained."""
    numbers = points(results["sequence_runs"])
    found = methods.methods(numbers[NAMES])  # told apart by gradient: a row has one cell
    groups = [group for _, group in numbers.groupby(PANEL, sort=False, dropna=False)]
    figure, grid = plt.subplots(len(groups), 3, figsize=(9, 2.9 * len(groups)), squeeze=False, sharey="row")
    for row, group in zip(grid, groups):
        first = group.iloc[0]
        for axes, (column, label) in zip(row, SIDES.items()):
            for (_, point), name in zip(group.iterrows(), methods.named(group[NAMES])["method"]):
                look = found[name]
                # not below 0: the mean of equal numbers may be rounded to beyond them
                spread = np.maximum([[point["accuracy"] - point["low"]], [point["high"] - point["accuracy"]]], 0)
                mark = {"color": look.colour, "marker": look.marker, "mec": "white", "mew": 0.5, "ms": 8}
                axes.errorbar(point[column], point["accuracy"], spread, elinewidth=0.8, **mark)
            least = -0.04
            if first["task"] == "recall":
                axes.axhline(recall.CHANCE, **style.REFERENCE)
                least = min(recall.CHANCE, group["low"].min()) - 0.04
            axes.margins(x=0.1)  # a mark at the edge is not cut
            axes.set(xlabel=label, ylim=(least, 1.04))
            said = f"M = {first['unroll']}, N = {first['hidden']}, {labels.seeds(group['n'])}"
            if column == "cosine":
                said += f", {labels.span(group['comparisons'], labels.whole)} comparisons"
            style.headed(axes, _title(first), [said])
        row[0].set_ylabel("accuracy")
        for axes in row[:2]:
            _logarithmic(axes)
    style.finish(figure, found.values(), lines=False)
    return style.Drawing(figure, numbers, " ".join(verdict(group) for group in groups))


def points(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per cell, task and method, from three seeds on, where exact RTRL is among the methods."""
    runs = runs[runs["layers"] == 1]
    runs = runs.assign(step_ms=1000 * runs["wall_s"] / runs["steps"], carried_kib=runs["carried_bytes"] / 1024)
    grouped = runs.groupby([*PANEL, "method", *NAMES, "setting"], observed=True, dropna=False, sort=False)
    numbers = grouped.agg(
        accuracy=("accuracy", "mean"),
        low=("accuracy", "min"),
        high=("accuracy", "max"),
        n=("folder", "size"),
        solved=("solved", "sum"),
        steps=("steps", "mean"),
        step_ms=("step_ms", "min"),
        carried_kib=("carried_kib", "max"),
        cosine=("gradient_cosine_mean", "mean"),
        cosine_std=("gradient_cosine_mean", "std"),
        comparisons=("gradient_points", "sum"),
        config=("config", "first"),
    ).reset_index()
    numbers = numbers[numbers["n"] >= MINIMUM]
    exact = numbers.assign(exact=numbers["gradient"] == "rtrl_dense")
    numbers = numbers[exact.groupby(PANEL, dropna=False)["exact"].transform("any")]
    if numbers.empty:
        raise NothingToShow("no dense cell was trained by exact RTRL on a sequence task with three seeds")
    numbers = told_apart(numbers, [*PANEL, *NAMES], recall.NAMED_HERE).drop(columns=["setting", "config"])
    return numbers.sort_values([*PANEL, "method"], kind="stable", ignore_index=True)


def verdict(group: pd.DataFrame) -> str:
    """What each method reaches in how many steps, the best first, and whether the cosine tells it."""
    best = group.assign(shown=group["accuracy"].round(2), label=methods.named(group[NAMES])["method"].astype(str))
    best = best.sort_values(["shown", "steps"], ascending=[False, True])
    said = ", ".join(
        f"{labels.listed(label, apart)} {accuracy:.2f} ({steps:.0f})"
        for label, apart, accuracy, steps in zip(*(best[key] for key in ("label", "apart", "accuracy", "steps")))
    )
    compared = group.dropna(subset="cosine")
    rank = ""
    if len(compared) >= FEWEST:
        correlation = labels.number(rank_correlation(compared["cosine"], compared["accuracy"])[0], 2)
        rank = f"; rank correlation of accuracy and cosine over {len(compared)} methods {correlation}"
    return f"{_title(group.iloc[0])}, mean accuracy (and steps): {said}{rank}."


def _title(row: pd.Series) -> str:
    return f"{methods.cell_label(row['cell'])}, {described(row['task'], json.loads(row['options']))}"


def _logarithmic(axes: Axes) -> None:
    """Ticks at 1, 2 and 5 of each power of ten, where they have room, else at 1; as plain numbers."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
