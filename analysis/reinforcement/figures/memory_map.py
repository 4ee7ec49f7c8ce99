"""Memory map: success and steps to solve over delay and segment M

Memory tasks that were run with several segment lengths M, each square a delay and an M, or a TBPTT window of several
segments. Above: success rate in greedy play, interquartile mean over seeds. Below: environment steps until the training
return, smoothed as in the learning curves, first reaches 0.9; median over seeds, a dash where half of them or more
never get there. A blank square was not run. Runs of a task differ only in method, M and delay; as budgets are equal, a
longer segment means fewer updates.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from analysis import labels, methods, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import curves, memory, names
from analysis.reinforcement.comparisons import delay_study
from analysis.stats import summarise

PLACE = 5
SOLVED = 0.9
RTRL, TBPTT, WINDOWS = "RTRL", "TBPTT", "TBPTT, longer windows"
CELL = ["task", "retention", "map", "reach", "unroll", "delay"]


def draw(results: Results) -> style.Drawing:
    """Two rows of maps for each task: success, and steps to solve it."""
    found = memory.runs(results)
    found = found[
        (found["layers"] == 1) & (found["cell"] == methods.CELL) & found["gradient"].isin(["rtrl", "tbptt", "bptt"])
    ]
    runs = delay_study(found, every_m=True)
    runs = runs.assign(
        task=[names.variant(*row) for row in zip(runs["environment"], runs["other_options"], runs["backend"])]
    )
    runs = runs[runs.groupby("task")["unroll"].transform("nunique") > 1]
    if runs.empty:
        raise NothingToShow("no memory task was run with more than one segment length M")
    of_run = curves.of_runs(results)
    steps = [steps_to_solve(of_run[run["folder"]]) for _, run in runs.iterrows()]
    maps = pd.DataFrame([_place(run) for _, run in runs.iterrows()], columns=["map", "reach"], index=runs.index)
    rows = [
        {**dict(zip(CELL, key)), **vars(summarise(cell["score"])), "steps_to_solve": cell["steps"].median()}
        for key, cell in runs.assign(steps=steps).join(maps).groupby(CELL, sort=False, dropna=False)
    ]
    numbers = pd.DataFrame(rows).sort_values(CELL).reset_index(drop=True)
    said = " ".join(filter(None, [verdict(numbers), memory.aside(found, runs)]))
    return style.Drawing(_figure(numbers), numbers, said)


def steps_to_solve(curve: pd.DataFrame) -> float:
    """Environment steps until the smoothed training return is SOLVED; infinite where it never is."""
    smooth = curves.to_draw(curve)  # a memory task has one frame a step
    solved = smooth.loc[smooth["y"] >= SOLVED, "x"]
    return float(solved.iloc[0]) if len(solved) else math.inf


def verdict(numbers: pd.DataFrame) -> str:
    """How many cells RTRL and TBPTT solve on either side of the segment's length, and who needs more steps."""
    plain = numbers[numbers["map"].isin([RTRL, TBPTT])]
    said = []
    for where, cells in plain.groupby((plain["delay"] >= plain["unroll"]).map({True: "beyond", False: "within"})):
        counts = [f"{name} {(c['iqm'] >= SOLVED).sum()} of {len(c)}" for name, c in cells.groupby("map")]
        said.append(f"delays {where} the segment: {' and '.join(counts)} cells solved")
    both = plain.pivot_table(index=["task", "unroll", "delay"], columns="map", values="steps_to_solve")
    both = both[both.map(math.isfinite).all(axis=1)] if {RTRL, TBPTT} <= {*both} else both[:0]
    if len(both):
        ratio = (both[RTRL] / both[TBPTT]).median()
        where = f"where the training return of both reaches {SOLVED} (cells: {len(both)})"
        said.append(f"{where}, RTRL takes {labels.number(ratio)} times TBPTT's steps (median)")
    if not said:
        return ""
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}. A cell counts as solved from a success rate of {SOLVED} on in greedy play."


def _place(run: pd.Series) -> tuple[str, float]:
    """On which map a run is, and how far up: its M, or the steps that its window reaches back, on a map for each M."""
    window = math.inf if run["gradient"] == "bptt" else json.loads(run["gradient_options"]).get("window")
    if window:
        return f"{WINDOWS} at M = {run['unroll']}", window
    return RTRL if run["gradient"] == "rtrl" else TBPTT, run["unroll"]


def _figure(numbers: pd.DataFrame) -> plt.Figure:
    maps = sorted(set(numbers["map"]), key=lambda name: (name != RTRL, name != TBPTT, len(name), name))
    tasks = list(numbers["task"].unique())
    figure, grid = plt.subplots(2 * len(tasks), len(maps), figsize=(2.4 * len(maps), 4.4 * len(tasks)), squeeze=False)
    most = numbers["steps_to_solve"].where(lambda steps: steps.map(math.isfinite)).max()
    looks = (
        ("iqm", "success rate", {"vmin": memory.CHANCE, "vmax": 1, "cmap": "viridis"}),
        ("steps_to_solve", f"steps to a training return of {SOLVED}", {"vmin": 0, "vmax": most, "cmap": "viridis_r"}),
    )
    for number, task in enumerate(tasks):
        for column, name in enumerate(maps):
            cells = numbers[(numbers["task"] == task) & (numbers["map"] == name)]
            for row, (value, head, look) in enumerate(looks):
                axes = grid[2 * number + row, column]
                if cells.empty:
                    axes.axis("off")
                    continue
                _map(axes, cells.pivot(index="reach", columns="delay", values=value).sort_index(ascending=False), look)
                axes.set(xlabel="delay (steps)", ylabel="M (steps)" if name in (RTRL, TBPTT) else "window (steps)")
                style.headed(axes, f"{task}, {name}", [head, f"{labels.seeds(cells['n'])} a cell"])
    figure.tight_layout()
    return figure


def _map(axes: Axes, table: pd.DataFrame, look: dict[str, Any]) -> None:
    """A cell for each number; a dash where it is infinite, nothing where there is none."""
    texts = table.map(labels.number if look["vmax"] == 1 else labels.count).where(table.notna(), "")
    sns.heatmap(table.replace(math.inf, math.nan), annot=texts, fmt="", cbar=False, ax=axes, **look)
    for y, x in zip(*np.nonzero(np.isinf(table.to_numpy()))):  # seaborn writes nothing into an empty cell
        axes.text(x + 0.5, y + 0.5, labels.NOTHING, ha="center", va="center")
    reach = ["episode" if math.isinf(value) else f"{value:g}" for value in table.index]
    axes.set_yticks([y + 0.5 for y in range(len(reach))], reach, rotation=0)
    axes.set_xticks([x + 0.5 for x in range(table.shape[1])], [f"{delay:g}" for delay in table.columns])
    axes.grid(visible=False)
