"""Throughput

Training speed in environment steps per second (median over n runs, lowest and highest in brackets), wall time of a
run, and peak memory of its process, for each environment, method, network and device; runs that differ in options, loss
or learning rate alone are taken together. Evaluation is not included.
"""

from __future__ import annotations

import json

import pandas as pd

from analysis import labels, methods
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import SUITES, names
from analysis.tables import Table, texts

PLACE = 7
NETWORK = ["vision", "features", "frozen", "hidden", "batch", "precision", "deterministic"]
KEYS = ["suite", "environment", "unroll", "method", *methods.COLUMNS, "backend", "device", "device_name", "threads"]


def build(results: Results) -> Table:
    """A row per setting and machine."""
    if results["runs"].empty:
        raise NothingToShow("no finished runs of agents")
    runs = results["runs"]
    configs = [json.loads(config) for config in runs["config"]]
    further = {key: [config.get(key) for config in configs] for key in ("features", "precision", "deterministic")}
    runs = runs.assign(**further, frozen=runs["pretrained"] != "")
    grouped = runs.groupby([*KEYS, *NETWORK], dropna=False, observed=True)
    frame = grouped.agg(
        n=("folder", "size"),
        steps_per_s_median=("steps_per_s", "median"),
        steps_per_s_min=("steps_per_s", "min"),
        steps_per_s_max=("steps_per_s", "max"),
        wall_s_median=("wall_s", "median"),
        wall_s_sum=("wall_s", "sum"),
        peak_bytes_max=("peak_bytes", "max"),
    ).reset_index()
    text = {
        "Suite": frame["suite"].map(lambda suite: SUITES.get(suite, suite)),
        "Environment": texts(frame, names.environment, "environment", "backend"),
        "Method": frame["method"],
        "M": frame["unroll"].astype(str),
        "Env steps/s": texts(frame, _speed, "n", "steps_per_s_median", "steps_per_s_min", "steps_per_s_max"),
        "Wall time a run": frame["wall_s_median"].map(labels.duration),
        "Peak memory": frame["peak_bytes_max"].map(labels.memory),
        "Network": texts(frame, _network, *NETWORK),
        "Device": texts(frame, "{} ({}, threads: {})".format, "device_name", "device", "threads"),
        "Backend": frame["backend"],
        "n": frame["n"].astype(str),
    }
    return Table(frame, pd.DataFrame(text))


def _network(
    vision: str, features: float, frozen: bool, hidden: int, batch: int, precision: str, deterministic: bool
) -> str:
    seen = f"{vision} ({labels.whole(features)} features{', frozen' if frozen else ''})"
    strict = ", deterministic" if deterministic else ""
    return f"{seen}, hidden {hidden}, batch {batch}, {precision}{strict}"


def _speed(n: int, median: float, low: float, high: float) -> str:
    return f"{median:.0f} ({low:.0f}–{high:.0f})" if n > 1 else f"{median:.0f}"
