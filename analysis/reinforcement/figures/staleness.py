"""How stale RTRL's gradient becomes

RTRL carries sensitivities that were computed with earlier parameters. Networks of one layer, trained by RTRL with
several learning rates and segment lengths M. Left: one minus the cosine between RTRL's gradient and that of full BPTT
through the episode so far, recomputed with the current parameters; mean along training, over seeds. Right: success rate
in greedy play, interquartile mean over seeds with its 95 % bootstrap interval. With equal steps, a shorter segment also
means more updates.
"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis import labels, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import memory, names
from analysis.reinforcement.curves import LOGGED
from analysis.stats import summarise

PLACE = 7
SETTING = ["task", "retention", "learning_rate", "unroll"]
MARGIN = 0.1  # of success that a setting may lack and still count as high as the best


def draw(results: Results) -> style.Drawing:
    """Two panels for each task that was run with more than one learning rate."""
    runs = memory.runs(results)
    runs = runs[(runs["gradient"] == "rtrl") & (runs["layers"] == 1) & (runs["gradient_points"] >= LOGGED)]
    runs = runs.assign(
        task=[names.variant(*row) for row in zip(runs["environment"], runs["options"], runs["backend"])],
    )
    runs = runs[runs.groupby("task")["learning_rate"].transform("nunique") > 1]
    if runs.empty:
        raise NothingToShow("RTRL's gradient was not compared with the exact one at more than one learning rate")
    numbers = pd.DataFrame([_row(key, group) for key, group in runs.groupby(SETTING, dropna=False)])
    tasks = list(numbers["task"].unique())
    figure, grid = plt.subplots(len(tasks), 2, figsize=(6.6, 2.9 * len(tasks)), squeeze=False)
    colours = dict(zip(sorted(numbers["unroll"].unique()), sns.color_palette("viridis", numbers["unroll"].nunique())))
    for (left, right), task in zip(grid, tasks):
        of_task = numbers[numbers["task"] == task]
        for unroll, line in of_task.groupby("unroll"):
            same = {"color": colours[unroll], "marker": "o", "ms": 4, "label": f"M = {unroll}"}
            left.plot(line["learning_rate"], 1 - line["cosine"], **same)
            spread = [line["iqm"] - line["low"], line["high"] - line["iqm"]]
            right.errorbar(line["learning_rate"], line["iqm"], spread, capsize=2, **same)
        left.set(yscale="log", ylabel="1 − cosine to the current gradient")
        right.set(ylim=(-0.03, 1.06), ylabel="success rate")
        right.axhline(memory.CHANCE, **memory.CHANCE_LINE)
        for axes in (left, right):
            axes.set(xscale="log", xlabel="learning rate", xticks=sorted(of_task["learning_rate"].unique()))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
            style.headed(axes, task, [f"n = {labels.span(of_task['n'], labels.whole)} seeds"])
    figure.tight_layout()
    figure.legend(*grid[0, 1].get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4)
    return style.Drawing(figure, numbers, verdict(numbers))


def verdict(numbers: pd.DataFrame) -> str:
    """Where the gradient is stalest, and whether success is lower there than in the best setting of the same task."""
    said = []
    for task, of_task in numbers.groupby("task", sort=False):
        worst, best = (of_task.loc[of_task["cosine"].agg(end)] for end in ("idxmin", "idxmax"))
        lost = of_task["iqm"].max() - worst["iqm"]
        success = f"{labels.number(lost)} below the best setting's" if lost > MARGIN else "as high as in any setting"
        said.append(f"{task}: stalest at {_where(worst)}, where success is {success}; least stale at {_where(best)}")
    return f"{'. '.join(said)}."


def _where(row: pd.Series) -> str:
    cosine, success = labels.number(row["cosine"], 4), labels.number(row["iqm"])
    return f"learning rate {row['learning_rate']:g}, M = {row['unroll']} (cosine {cosine}, success {success})"


def _row(key: tuple[object, ...], runs: pd.DataFrame) -> dict[str, object]:
    return {
        **dict(zip(SETTING, key)),
        **vars(summarise(runs["score"])),
        "cosine": runs["gradient_cosine_mean"].mean(),
        "cosine_std": runs["gradient_cosine_mean"].std(),
        "cosine_min": runs["gradient_cosine_min"].min(),
        "norm_ratio": runs["gradient_norm_ratio_mean"].mean(),
    }
