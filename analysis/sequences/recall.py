"""The recall task in every element-wise cell and method: what its two figures share."""

from __future__ import annotations

import json
import math

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import differences, told_apart
from analysis.stats import MINIMUM

TASK = "recall"
CHANCE = 0.5
LEARNED = 0.75  # mean success from which a setting counts as learned: halfway from chance to perfect
SETTING = ["cell", "gradient", "gradient_options", "retention", "delay", "unroll", "apart"]
# What settings may not differ in without being told apart: not in how a run is tested, and in what panels name.
NAMED_HERE = ("retention", "test_options")


def runs(results: Results) -> pd.DataFrame:
    """Those of one layer of a cell that `rtrl` is for, with the `delay` of their training, or NothingToShow."""
    found = results["sequence_runs"]
    found = found[(found["task"] == TASK) & (found["layers"] == 1)]
    wise = found[found["cell"].isin(found.loc[found["gradient"] == "rtrl", "cell"])]  # dense ones: `approximations`
    if wise.empty:
        dense = f", but {len(found)} of dense ones" if len(found) else ""
        raise NothingToShow(f"no finished runs of the recall task with element-wise cells{dense}")
    delays = wise["options"].map(lambda text: json.loads(text)["delay"])
    return told_apart(wise.assign(delay=delays), SETTING[:-1], NAMED_HERE)


def means(scores: pd.DataFrame, *more: str) -> pd.DataFrame:
    """A row per setting and value of `more`: its method, mean and deviation over n seeds, and whether `learned`."""
    grouped = scores.groupby([*SETTING, *more], dropna=False)
    frame = grouped.agg(
        **{"success": ("accuracy", "mean"), "std": ("accuracy", "std"), "n": ("accuracy", "size")},
        config=("config", "first"),
    ).reset_index()
    method = methods.named(frame[["gradient", "gradient_options"]])["method"]
    return frame.assign(learned=(frame["success"] >= LEARNED) & (frame["n"] >= MINIMUM), method=method)


def _unlike(configs: pd.Series) -> list[str]:
    """In what the rows of a map differ besides method, cell and what its title names; no line where in nothing."""
    keys = dict.fromkeys(key for one in differences(list(configs), NAMED_HERE) for key in one)
    return [f"unlike in {', '.join(keys)}"] if keys else []


def initialisation(retention: float) -> str:
    """`paper's initialisation`, `retention 20`."""
    return "paper's initialisation" if math.isnan(retention) else f"retention {retention:g}"


def heat_maps(frame: pd.DataFrame, x: str, x_label: str, wide: int) -> Figure:
    """Success by cell and column `x`, a map for each value of `panel`, at most `wide` of them side by side."""
    titles = list(dict.fromkeys(frame["panel"]))
    wide = min(wide, len(titles))
    tall, values = -(-len(titles) // wide), list(dict.fromkeys(frame[x]))
    known = [*methods.CELLS, *sorted(set(frame["cell"]) - {*methods.CELLS})]
    cells = [cell for cell in known if cell in set(frame["cell"])]
    size = wide * (0.45 * len(values) + 0.35) + 0.9, tall * (0.2 * max(3, len(cells)) + 1.0)
    figure, places = plt.subplots(tall, wide, figsize=size, squeeze=False, sharey=True)
    for axes in places.flat[len(titles) :]:
        axes.axis("off")
    for axes, title in zip(places.flat, titles):
        group = frame[frame["panel"] == title]
        table = group.pivot(index="cell", columns=x, values="success").reindex(index=cells, columns=values)
        table.index = pd.Index([methods.cell_label(cell) for cell in cells])
        look = {"vmin": CHANCE, "vmax": 1, "cmap": "cividis", "cbar": False, "linewidths": 0.5}
        sns.heatmap(table, ax=axes, annot=True, fmt=".2f", annot_kws={"fontsize": style.SMALL}, **look)
        axes.set(xlabel=x_label, ylabel="")
        axes.grid(visible=False)
        style.headed(axes, title, [labels.seeds(group["n"]), *_unlike(group["config"])])
    names = 0.09 * max(0, *(len(str(value)) - 10 for value in values))  # longer ones are written upwards
    lines = max(axes.get_title().count("\n") for axes in places.flat)
    figure.set_figheight(size[1] + tall * (names + 0.2 * max(0, lines - 1)))
    figure.tight_layout()
    return figure
