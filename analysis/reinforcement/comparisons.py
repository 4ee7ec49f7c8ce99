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

Scores = tuple[list[float], list[float]]


def comparisons(results: Results) -> pd.DataFrame:
    """One row (COLUMNS) per task with both methods, preceded by rows that combine the tasks of a suite."""
    pairs = _pairs(results)
    rows = [_row(names.variant(*first[["environment", "options", "backend"]]), [(first, xy)]) for first, xy in pairs]
    return pd.DataFrame(_combined(pairs) + rows, columns=COLUMNS)


def delay_study(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each memory task at each M, the runs whose design and initial retention were run with the most delays.

    Networks of one layer and of several are studies of their own.
    """
    chosen = []
    for _, task in runs.groupby(["environment", "other_options", "unroll", "layers"]):
        studies = [study for _, study in task.groupby(["design", "retention"], dropna=False, sort=False)]
        chosen.append(max(studies, key=lambda study: (study["delay"].nunique(), len(study))))
    return pd.concat(chosen) if chosen else runs


def sentence(row: pd.Series) -> str:
    """The comparison in one line: `success 1.00 [1.00, 1.00] against 0.57 [0.53, 0.60]; P(RTRL > TBPTT) = ...`."""
    said = []
    if math.isfinite(row["rtrl_iqm"]):
        ours = labels.interval(row["rtrl_iqm"], row["rtrl_low"], row["rtrl_high"])
        other = labels.interval(row["tbptt_iqm"], row["tbptt_low"], row["tbptt_high"])
        said.append(f"{'success' if row['memory_task'] else 'score'} {ours} against {other}")
    if math.isfinite(row["probability"]):
        said.append(f"P(RTRL > TBPTT) = {labels.interval(row['probability'], row['low'], row['high'], 2)}")
    said.append(f"{row['n_rtrl']} + {row['n_tbptt']} runs")
    if row["budget_fraction"] < 0.99:
        said.append(f"under-trained: {labels.percent(row['budget_fraction'])} of the paper's budget")
    verdict = row["verdict"][0].upper() + row["verdict"][1:]
    return f"{verdict}: {'; '.join(said)}."


def _pairs(results: Results) -> list[tuple[pd.Series, Scores]]:
    """For each task with both methods: one of its runs, and the scores of RTRL and of TBPTT."""
    runs = results["runs"]
    ours, other = runs["gradient"] == "rtrl", (runs["gradient"] == "tbptt") & (runs["gradient_options"] == "{}")
    found = []
    for _, group in runs[ours | other].groupby("pairing", sort=False):
        x, y = group[ours[group.index]], group[other[group.index]]
        if len(x) and len(y):
            found.append((group.iloc[0], (list(x["score"]), list(y["score"]))))
    key = ["suite", "layers", "environment", "other_options", "unroll", "retention", "delay"]
    order = pd.DataFrame([first for first, _ in found], columns=key).reset_index(drop=True).sort_values(key)
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
