"""Tables that the paper does not have: memory study, RTRL against TBPTT, copy task, throughput, rooms backend."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from analysis import labels
from analysis.comparisons import comparisons
from analysis.load import Results
from analysis.table import Table, texts

NO_RUNS = "no runs of this kind"


def memory_study(settings: pd.DataFrame) -> Table:
    """Success rate by task, delay, M, initial retention and method."""
    title = "Memory study: success rate"
    frame = settings[settings["memory_task"]].reset_index(drop=True)
    if frame.empty:
        return Table.empty("memory_study", title, NO_RUNS)
    display = pd.DataFrame(
        {
            "Task": texts(frame, labels.variant, "environment", "other_options"),
            "Delay": frame["delay"].map("{:.0f}".format),
            "M": frame["unroll"].astype(str),
            "Retention": frame["retention"].map(labels.retention),
            "Method": frame["method"].map(labels.method),
            "IQM [95 % interval]": texts(frame, partial(labels.interval, digits=2), "iqm", "low", "high"),
            "Mean ± std": texts(frame, partial(labels.plus_minus, digits=2), "mean", "std"),
            "n": frame["n"].astype(str),
            "Backend": frame["backend"],
            "Env steps": frame["env_frames"].map(labels.count),
        }
    )
    elsewhere = ["conditions", "settings", "evaluation_lives", "life_mean", "life_std", "memory_task"]
    return Table("memory_study", title, frame.drop(columns=elsewhere), display)


def verdicts(results: Results) -> Table:
    """Every comparison of RTRL with TBPTT at equal settings."""
    title = "RTRL against TBPTT"
    frame = comparisons(results)
    if frame.empty:
        return Table.empty("verdicts", title, "no task here was run with both RTRL and TBPTT")
    display = pd.DataFrame(
        {
            "Task": frame["scope"],
            "M": frame["unroll"].astype(str),
            "Retention": frame["retention"].map(labels.retention).where(frame["memory_task"], ""),
            "P(RTRL > TBPTT)": texts(frame, partial(labels.interval, digits=2), "probability", "low", "high"),
            "Permutation p": frame["p_value"].map(labels.p_value),
            "n": texts(frame, "{} + {}".format, "n_rtrl", "n_tbptt"),
            "Verdict": frame["verdict"],
            "RTRL": texts(frame, labels.interval, "rtrl_iqm", "rtrl_low", "rtrl_high"),
            "TBPTT": texts(frame, labels.interval, "tbptt_iqm", "tbptt_low", "tbptt_high"),
            "Backend": frame["backend"],
            "Of the paper's": frame["budget_fraction"].map(labels.percent),
        }
    )
    return Table("verdicts", title, frame.drop(columns="memory_task"), display)


def copy_task(runs: pd.DataFrame) -> Table:
    """Sequence accuracy and updates to 100 % by length and method."""
    title = "Copy task"
    if runs.empty:
        return Table.empty("copy_task", title, NO_RUNS)
    keys = ["max_length", "method", "unroll", "update", "hidden", "batch", "retention"]
    rows = []
    for key, group in runs.groupby(["setting", *keys], dropna=False, sort=False):
        reached = group["updates_to_100"].dropna()
        rows.append(
            {
                **dict(zip(keys, key[1:])),
                "n": len(group),
                "accuracy_mean": group["test_sequence_accuracy"].mean(),
                "accuracy_std": group["test_sequence_accuracy"].std(),
                "reached": len(reached),
                "updates_to_100_median": reached.median() if len(reached) else np.nan,
                "updates": group["updates"].max(),
                "wall_s": group["wall_s"].median(),
            }
        )
    frame = pd.DataFrame(rows)
    frame = frame.assign(order=frame["method"].map(labels.method_order))
    frame = frame.sort_values(["max_length", "order"], kind="stable").drop(columns="order").reset_index(drop=True)
    display = pd.DataFrame(
        {
            "Max. length": frame["max_length"].astype(str),
            "Method": frame["method"].map(labels.method),
            "M": frame["unroll"].map(labels.count),
            "Update": frame["update"],
            "Hidden": frame["hidden"].astype(str),
            "Batch": frame["batch"].astype(str),
            "Retention": frame["retention"].map(labels.retention),
            "Sequence accuracy": texts(frame, partial(labels.plus_minus, digits=3), "accuracy_mean", "accuracy_std"),
            "Updates to 100 %": frame["updates_to_100_median"].map(labels.count),
            "Reached 100 %": texts(frame, "{} of {}".format, "reached", "n"),
            "Updates run": frame["updates"].map(labels.count),
            "n": frame["n"].astype(str),
        }
    )
    return Table("copy_task", title, frame, display)


def throughput(results: Results) -> Table:
    """Training speed, time and memory by setting and machine."""
    title = "Throughput"
    if results.runs.empty:
        return Table.empty("throughput", title, NO_RUNS)
    keys = ["suite", "environment", "method", "unroll", "backend", "device", "device_name", "threads"]
    network = ["vision", "hidden", "batch"]
    runs = results.runs.copy()
    for key in network:
        runs[key] = [results.configs[folder].get(key) for folder in runs["folder"]]
    grouped = runs.groupby([*keys, *network], dropna=False, sort=False)
    frame = grouped.agg(
        n=("folder", "size"),
        steps_per_s_median=("steps_per_s", "median"),
        steps_per_s_min=("steps_per_s", "min"),
        steps_per_s_max=("steps_per_s", "max"),
        wall_s_median=("wall_s", "median"),
        wall_s_sum=("wall_s", "sum"),
        peak_bytes_max=("peak_bytes", "max"),
    ).reset_index()
    frame = frame.assign(order=frame["method"].map(labels.method_order))
    frame = frame.sort_values(["suite", "environment", "unroll", "order"], kind="stable").drop(columns="order")
    frame = frame.reset_index(drop=True)
    display = pd.DataFrame(
        {
            "Suite": frame["suite"].map(labels.suite),
            "Environment": texts(frame, labels.environment, "environment", "backend"),
            "Method": frame["method"].map(labels.method),
            "M": frame["unroll"].astype(str),
            "Env steps/s": texts(frame, _speed, "n", "steps_per_s_median", "steps_per_s_min", "steps_per_s_max"),
            "Wall time a run": frame["wall_s_median"].map(labels.duration),
            "Peak memory": frame["peak_bytes_max"].map(labels.mebibytes),
            "Network": texts(frame, "{}, hidden {}, batch {}".format, *network),
            "Device": texts(frame, "{} ({}, {} threads)".format, "device_name", "device", "threads"),
            "Backend": frame["backend"],
            "n": frame["n"].astype(str),
        }
    )
    return Table("throughput", title, frame, display)


def rooms_fidelity(errors: pd.DataFrame) -> Table:
    """Errors of the embedded DMLab levels beside recordings of the engine, the worst first."""
    title = "The rooms backend beside recordings of DeepMind Lab"
    if errors.empty:
        return Table.empty("rooms_fidelity", title, "not measured: the rooms backend does not run here")
    display = pd.DataFrame(
        {
            "Level": errors["level"],
            "Recordings": errors["recordings"],
            "Episodes": errors["episodes"].astype(str),
            "Steps": texts(errors, "{} ({} left out)".format, "steps", "steps_left_out"),
            "Yaw, largest error": errors["yaw_error_max_degrees"].map("{:.4f}°".format),
            "Position, largest error walking freely": errors["position_error_free_max"].map("{:.3f}".format),
            "Median, all steps": errors["position_error_median"].map("{:.3f}".format),
            "95th percentile": errors["position_error_p95"].map("{:.3f}".format),
            "Rewards at the recorded step": texts(
                errors, "{} of {}".format, "rewards_at_the_same_step", "rewards_recorded"
            ),
            "Within a step": texts(errors, "{} of {}".format, "rewards_within_a_step", "rewards_recorded"),
        }
    )
    return Table("rooms_fidelity", title, errors, display)


def _speed(n: int, median: float, low: float, high: float) -> str:
    return f"{median:.0f} ({low:.0f}–{high:.0f})" if n > 1 else f"{median:.0f}"
