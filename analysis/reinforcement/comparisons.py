"""RTRL against TBPTT: runs that are equal but for the gradient, compared seed against seed."""

from __future__ import annotations

import math
from collections.abc import Sized

import numpy as np
import pandas as pd

from analysis import labels, methods
from analysis.load import Results
from analysis.reinforcement import SUITES, names, players
from analysis.stats import MINIMUM, Improvement, improvement, iqm, iqm_interval

COLUMNS = (
    "scope suite environment layers delay unroll retention backend budget_fraction largest_budget_fraction tasks"
    " probability low high p_value smallest_p n_rtrl n_tbptt rtrl_iqm rtrl_low rtrl_high tbptt_iqm tbptt_low tbptt_high"
    " verdict memory_task config"
).split()
ALPHA = 0.05
NO_BENCHMARK = "gymnasium"  # any environments of Gymnasium: a mean over them would mean nothing

EQUAL = ["design", "options"]  # of a recurrent network's runs and those of a feedforward one, which has no cell

Scores = tuple[list[float], list[float]]


def comparisons(results: Results) -> pd.DataFrame:
    """One row (COLUMNS) per task with both methods, preceded by rows that combine the tasks of a suite."""
    found = pairs(results)
    rows = [_row(names.variant(*first[["environment", "options", "backend"]]), [(first, xy)]) for first, xy in found]
    return pd.DataFrame(_combined(found) + rows, columns=COLUMNS)


def delay_study(runs: pd.DataFrame, every_m: bool = False) -> pd.DataFrame:
    """Of each memory task at each M, the runs whose design and initial retention were run with the most delays.

    Networks of one layer and of several are studies of their own. `every_m`: chosen once for all M of a task.
    """
    keys, design = ["environment", "other_options", "layers"], "study" if every_m else "design"
    chosen = []
    for _, task in runs.groupby(keys if every_m else [*keys, "unroll"]):
        studies = [study for _, study in task.groupby([design, "retention"], dropna=False, sort=False)]
        chosen.append(max(studies, key=lambda study: (study["delay"].nunique(), len(study))))
    return pd.concat(chosen) if chosen else runs


def pairs(
    results: Results, left: str = "rtrl", right: str = "tbptt", in_training: bool = False
) -> list[tuple[pd.Series, Scores]]:
    """For each setting that was run with both gradients: one of its runs, and the scores of `left` and of `right`.

    The runs of a setting differ in gradient and seed alone; the feedforward network, which is always `right`, also in
    what it does not have: cell and initial retention.
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
        curves = results["curves"].dropna(subset="episode_return_mean")
        curves = curves.assign(total=curves["episode_return_mean"] * curves["episodes"])
        sums = curves.groupby("folder")[["total", "episodes"]].sum()
        runs = runs.assign(score=runs["folder"].map(sums["total"] / sums["episodes"])).dropna(subset="score")
    plain = runs["gradient_options"] == "{}"
    ours, others = (runs[(runs["gradient"] == gradient) & plain] for gradient in (left, right))
    keys = EQUAL if right == "feedforward" else ["pairing"]
    found = []
    for _, x in ours.groupby("pairing", sort=False):
        y = others[(others[keys] == x.iloc[0][keys]).all(axis="columns")]
        if len(y):
            found.append((x.iloc[0], x, y))
    key = ["suite", "layers", "environment", "other_options", "unroll", "retention", "delay"]
    order = pd.DataFrame([first for first, *_ in found], columns=key).reset_index(drop=True).sort_values(key)
    return [found[i] for i in order.index]


def weight(run: pd.Series, left: Sized, right: Sized) -> tuple[int, int, int]:
    """By which one of several settings of a task is taken: enough seeds, then most steps, then most seeds."""
    seeds = min(len(left), len(right))
    return min(MINIMUM, seeds), run["env_steps"], seeds


def _combined(pairs: list[tuple[pd.Series, Scores]]) -> list[dict[str, object]]:
    """Rows over the tasks of a suite at one M, of the paper's cell; of several settings of a task one counts.

    Memory tasks are kept apart by whether a segment of M steps can hold the cue and the answer, `delay` steps later.
    """
    memory = pd.DataFrame([first for first, _ in pairs if first["memory_task"] and first["cell"] == methods.CELL])
    main = set() if memory.empty else set(delay_study(memory)["pairing"])
    tasks: dict[tuple[object, ...], tuple[pd.Series, Scores]] = {}
    for first, scores in pairs:
        if first["cell"] != methods.CELL or (first["memory_task"] and first["pairing"] not in main):
            continue
        task = tuple(first[["environment", "options", "unroll", "layers", "backend"]])
        if task not in tasks or weight(first, *scores) > weight(tasks[task][0], *tasks[task][1]):
            tasks[task] = first, scores
    groups: dict[tuple[str, int, str, int], list[tuple[pd.Series, Scores]]] = {}
    for first, scores in tasks.values():
        if first["suite"] == NO_BENCHMARK:
            continue
        scope = f"{SUITES.get(first['suite'], first['suite'])}{names.simulator(first['backend'])}, all"
        if first["memory_task"]:
            scope = f"Memory tasks, delay {'<' if first['delay'] < first['unroll'] else '≥'} M"
        groups.setdefault((scope, first["layers"], first["backend"], first["unroll"]), []).append((first, scores))
    return [_row(scope, group) for (scope, *_), group in groups.items() if len(group) > 1]


def _row(scope: str, group: list[tuple[pd.Series, Scores]]) -> dict[str, object]:
    first, pairs = group[0][0], [scores for _, scores in group]
    result = improvement(pairs)
    row: dict[str, object] = {key: first[key] for key in ("suite", "layers", "unroll", "backend", "memory_task")}
    scope = labels.layered(scope, first["layers"])
    row |= {
        "scope": scope if first["cell"] == methods.CELL else f"{scope}, {methods.cell_label(first['cell'])}",
        "tasks": len(group),
        **vars(result),
        "config": first["config"],
        "n_rtrl": result.n_x,
        "n_tbptt": result.n_y,
    }
    budgets = [float(run["budget_fraction"]) for run, _ in group]
    row["budget_fraction"], row["largest_budget_fraction"] = min(budgets), max(budgets)
    row["retention"] = labels.joined(labels.retention(run["retention"]) for run, _ in group)
    for key in ("environment", "delay"):
        row[key] = first[key] if len({str(run[key]) for run, _ in group}) == 1 else None
    # Scores of different games have different scales: their average would mean nothing.
    if len(group) == 1 or first["memory_task"]:
        for name, strata in (("rtrl", [x for x, _ in pairs]), ("tbptt", [y for _, y in pairs])):
            row[f"{name}_iqm"] = float(iqm(np.concatenate(strata)))
            row[f"{name}_low"], row[f"{name}_high"] = iqm_interval(strata)
    return {**row, "verdict": _verdict(result) + (_unlearned(*group[0]) if len(group) == 1 else "")}


def _unlearned(run: pd.Series, scores: Scores) -> str:
    """Said of a comparison that tells nothing of what agents learn: both sides are below the score that counts."""
    best, least = max(float(np.mean(side)) for side in scores), players.threshold(run)
    return "; neither has learned" if best < least else ""


def _verdict(result: Improvement) -> str:
    if math.isnan(result.probability):
        return f"fewer than {MINIMUM} seeds per method, no verdict"
    if result.low <= 0.5 <= result.high:
        return "no difference seen"
    ahead = f"{'RTRL' if result.probability > 0.5 else 'TBPTT'} ahead"
    if result.p_value < ALPHA:
        return f"{ahead}, p < {ALPHA:g}"
    return f"{ahead}, {f'p < {ALPHA:g} is out of reach' if result.smallest_p >= ALPHA else 'not significant'}"
