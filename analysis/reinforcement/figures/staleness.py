"""How stale RTRL's gradient becomes

RTRL carries sensitivities that were computed with earlier parameters. Networks of one layer of the paper's cell,
trained by RTRL with several learning rates and segment lengths M; runs that differ in more have panels of their own.
Left: one minus the cosine between RTRL's gradient and that of full BPTT through the episode so far, recomputed with the
current parameters; mean along training, over seeds. Right: success rate in greedy play, interquartile mean over seeds
with its 95 % bootstrap interval. With equal steps, a shorter segment also means more updates.
"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.reinforcement import memory, names, players
from analysis.reinforcement.curves import LOGGED
from analysis.stats import summarise

PLACE = 7
SETTING = ["panel", "task", "apart", "retention", "learning_rate", "unroll"]
VARIED = ("optimiser.learning_rate",)  # within a panel
MARGIN = 0.1  # of success: less is not told


def draw(results: Results) -> style.Drawing:
    """Two panels for each setting of a task that was run with more than one learning rate."""
    runs = memory.runs(results)
    exact = (runs["gradient"] == "rtrl") & (runs["cell"] == methods.CELL) & (runs["layers"] == 1)
    runs = runs[exact & (runs["gradient_points"] >= LOGGED)]
    runs = runs.assign(
        task=[names.variant(*row) for row in zip(runs["environment"], runs["options"], runs["backend"])],
    )
    runs = told_apart(runs, ["task"], VARIED)
    runs["panel"] = [labels.listed(task, apart) for task, apart in zip(runs["task"], runs["apart"])]
    runs = runs[runs.groupby("panel")["learning_rate"].transform("nunique") > 1]
    if runs.empty:
        raise NothingToShow("RTRL's gradient was not compared with the exact one at more than one learning rate")
    numbers = pd.DataFrame([_row(key, group) for key, group in runs.groupby(SETTING, dropna=False)])
    titles = list(numbers["panel"].unique())
    figure, grid = plt.subplots(len(titles), 2, figsize=(6.6, 2.9 * len(titles)), squeeze=False)
    colours = dict(zip(sorted(numbers["unroll"].unique()), sns.color_palette("viridis", numbers["unroll"].nunique())))
    for (left, right), title in zip(grid, titles):
        here = numbers[numbers["panel"] == title]
        for unroll, line in here.groupby("unroll"):
            same = {"color": colours[unroll], "marker": "o", "ms": 4}
            left.plot(line["learning_rate"], 1 - line["cosine"], **same)
            spread = [line["iqm"] - line["low"], line["high"] - line["iqm"]]
            right.errorbar(line["learning_rate"], line["iqm"], spread, capsize=2, **same)
        left.set(yscale="log", ylabel="1 − cosine to the current gradient")
        right.set(ylim=(-0.03, 1.06), ylabel="success rate")
        right.axhline(memory.CHANCE, **memory.CHANCE_LINE)
        for axes in (left, right):
            axes.set(xscale="log", xlabel="learning rate", xticks=sorted(here["learning_rate"].unique()))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
            style.headed(axes, title, [labels.seeds(here["n"])])
    figure.tight_layout()
    handles = [Line2D([], [], color=colour, marker="o", ms=4, label=f"M = {m}") for m, colour in colours.items()]
    handles.append(Line2D([], [], **memory.CHANCE_LINE))
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4)
    return style.Drawing(figure, numbers.drop(columns="panel"), verdict(numbers))


def verdict(numbers: pd.DataFrame) -> str:
    """Where the gradient is stalest, and whether success is lower there than in the best setting of the same panel."""
    said = []
    for title, here in numbers.groupby("panel", sort=False):
        worst, best = (here.loc[here["cosine"].agg(end)] for end in ("idxmin", "idxmax"))
        lost = here["iqm"].max() - worst["iqm"]
        apart = labels.number(lost) if lost > MARGIN else f"no more than {MARGIN}"
        success = f", where success is {apart} below the best setting's"
        success = success if here["iqm"].max() >= players.SUCCESS else " (no setting learned the task)"
        said.append(f"{title}: stalest at {_where(worst)}{success}; least stale at {_where(best)}")
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
