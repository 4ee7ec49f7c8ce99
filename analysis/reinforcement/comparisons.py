"""RTRL against TBPTT: runs that are equal but for the gradient, compared seed against seed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis import labels
from analysis.load import Results
from analysis.reinforcement import SUITES, names
from analysis.stats import MINIMUM, Improvement, improvement, iqm, iqm_interval

COLUMNS = (
    "scope suite environment layers delay unroll retention backend budget_fraction tasks probability low high p_value"
    " smallest_p n_rtrl n_tbptt rtrl_iqm rtrl_low rtrl_high tbptt_iqm tbptt_low tbptt_high verdict memory_task"
).split()
ALPHA = 0.05
EQUAL = ["environment", "options", "unroll", "backend", "env_steps", "pretrained", "vision"]

Scores = tuple[list[float], list[float]]


def comparisons(results: Results) -> pd.DataFrame:
    """One row (COLUMNS) per task with both methods, preceded by rows that combine the tasks of a suite."""
    found = pairs(results)
    rows = [_row(names.variant(*first[["environment", "options", "backend"]]), [(first, xy)]) for first, xy in found]
    return pd.DataFrame(_combined(found) + rows, columns=COLUMNS)


def delay_study(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each memory task at each M, the runs whose design and initial retention were run with the most delays.

    Networks of one layer and of several are studies of their own.
    """
    chosen = []
    for _, task in runs.groupby(["environment", "other_options", "unroll", "layers"]):
        studies = [study for _, study in task.groupby(["design", "retention"], dropna=False, sort=False)]
        chosen.append(max(studies, key=lambda study: (study["delay"].nunique(), len(study))))
    return pd.concat(chosen) if chosen else runs


def pairs(
    results: Results, left: str = "rtrl", right: str = "tbptt", in_training: bool = False
) -> list[tuple[pd.Series, Scores]]:
    """For each setting that was run with both gradients: one of its runs, and the scores of `left` and of `right`.

    The runs of a setting differ in gradient and seed alone; the feedforward network, which has no cell, in this too.
    `in_training`: not of the play after training, but the mean return over the whole of training.
    """
    found = sides(results, left, right, in_training)
    return [(run, (list(ours["score"]), list(other["score"]))) for run, ours, other in found]


def sides(
    results: Results, left: str = "rtrl", right: str = "tbptt", in_training: bool = False
) -> list[tuple[pd.Series, pd.DataFrame, pd.DataFrame]]:
    """The same as `pairs`, with the runs of `left` and of `right` in the place of their scores.

    `greedy` is their score in greedy play after training, whatever `score` is.
    """
    runs = results["runs"].assign(greedy=results["runs"]["score"])
    if in_training:
        returns = results["curves"].groupby("folder")["episode_return_mean"].mean()
        runs = runs.assign(score=runs["folder"].map(returns))
    plain = runs["gradient_options"] == "{}"
    x, y = ((runs["gradient"] == gradient) & plain for gradient in (left, right))
    found = []
    for _, group in runs[x | y].groupby(EQUAL if "feedforward" in (left, right) else "pairing", sort=False):
        ours, other = group[x[group.index]], group[y[group.index]]
        if len(ours) and len(other):
            found.append((ours.iloc[0], ours, other))
    key = ["suite", "layers", "environment", "other_options", "unroll", "retention", "delay"]
    order = pd.DataFrame([first for first, *_ in found], columns=key).reset_index(drop=True).sort_values(key)
    return [found[i] for i in order.index]


def _combined(pairs: list[tuple[pd.Series, Scores]]) -> list[dict[str, object]]:
    """Rows over the tasks of a suite at one M.

    Memory tasks are kept apart by whether a segment of M steps can hold the cue and the answer, `delay` steps later.
    """
    groups: dict[tuple[str, int, str, int], list[tuple[pd.Series, Scores]]] = {}
    memory = pd.DataFrame([first for first, _ in pairs if first["memory_task"]])
    main = set() if memory.empty else set(delay_study(memory)["pairing"])
    for first, scores in pairs:
        scope = f"{SUITES.get(first['suite'], first['suite'])}{names.simulator(first['backend'])}, all"
        if first["memory_task"]:
            if first["pairing"] not in main:
                continue
            scope = f"Memory tasks, delay {'<' if first['delay'] < first['unroll'] else '≥'} M"
        groups.setdefault((scope, first["layers"], first["backend"], first["unroll"]), []).append((first, scores))
    return [_row(scope, group) for (scope, *_), group in groups.items() if len(group) > 1]


def _row(scope: str, group: list[tuple[pd.Series, Scores]]) -> dict[str, object]:
    first, pairs = group[0][0], [scores for _, scores in group]
    result = improvement(pairs)
    row: dict[str, object] = {key: first[key] for key in ("suite", "layers", "unroll", "backend", "memory_task")}
    row |= {
        "scope": labels.layered(scope, first["layers"]),
        "tasks": len(group),
        **vars(result),
        "n_rtrl": result.n_x,
        "n_tbptt": result.n_y,
    }
    row["budget_fraction"] = min(float(run["budget_fraction"]) for run, _ in group)
    for key in ("environment", "delay", "retention"):
        row[key] = first[key] if len({str(run[key]) for run, _ in group}) == 1 else None
    # Scores of different games have different scales: their average would mean nothing.
    if len(group) == 1 or first["memory_task"]:
        for name, strata in (("rtrl", [x for x, _ in pairs]), ("tbptt", [y for _, y in pairs])):
            row[f"{name}_iqm"] = float(iqm(np.concatenate(strata)))
            row[f"{name}_low"], row[f"{name}_high"] = iqm_interval(strata)
    return {**row, "verdict": _verdict(result)}


def _verdict(result: Improvement) -> str:
    if math.isnan(result.probability):
        return f"fewer than {MINIMUM} seeds a side, no verdict"
    if result.low <= 0.5 <= result.high:
        return "no difference seen"
    better = "RTRL" if result.probability > 0.5 else "TBPTT"
    if result.p_value >= ALPHA:
        return f"{better} ahead, {'too few seeds to decide' if result.smallest_p >= ALPHA else 'not significant'}"
    return f"{better} better"
