"""What a benchmark's file says, as rows (keys and units: rtrl_bench/bench)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from analysis.records import Run, Unusable

NOT_MEASURED = "no benchmark in this results folder"
WHERE = ["folder", "device", "device_name", "threads"]
SIZES = ["layers", "batch", "inputs", "hidden", "unroll"]
SEGMENT_TIMES = [f"{method}_s" for method in ("rtrl", "stepwise", "tbptt", "autograd", "lstm", "floor")]
RATES = [f"{mode}_steps_per_s" for mode in ("in_turn", "beside", "float32", "tbptt", "tbptt_beside", "stem")]
SETTINGS = ["environment", "gradient", "unroll"]  # of a run that learns
CURVE = ["env_frames", "wall_s", "episodes", "episode_return_mean"]
FRAMES = {
    "bench_segments": [*WHERE, "name", *SIZES[1:], "loss", "fused", "graph", *SEGMENT_TIMES],
    "bench_memory": [*WHERE, "name", *SIZES, "peak_bytes", "predicted_bytes"],
    "bench_loop": [*WHERE, "name", *RATES],
    "bench_curves": [*WHERE, "name", *SETTINGS, *CURVE],
}
SECTIONS = {"bench_segments": ("gradients", "graphs"), "bench_memory": ("memory",), "bench_loop": ("loop",)}


def read(run: Run, lent: bool) -> dict[str, Any]:
    """The rows of a benchmark by frame; one of small sizes, whose numbers mean nothing, is refused."""
    if run.config.get("small"):
        raise Unusable("made with --small: its numbers mean nothing")
    where = {"folder": run.folder, **run.keys(WHERE[1:])}
    frames: dict[str, Any] = {frame: _rows(run, sections, where, FRAMES[frame]) for frame, sections in SECTIONS.items()}
    frames["bench_curves"] = _curves(run, where)
    return {**frames, "index": {"suite": "Benchmark", "task": where["device_name"]}}


def _rows(run: Run, sections: Sequence[str], where: dict[str, Any], columns: Collection[str]) -> pd.DataFrame:
    found = run.record.get("sections", {})
    rows = [row for section in sections for row in found.get(section, {}).get("rows", [])]
    return pd.DataFrame([{**row, **where} for row in rows]).reindex(columns=list(columns))


def _curves(run: Run, where: dict[str, Any]) -> pd.DataFrame:
    """A row for each log interval of the runs that learn."""
    parts = []
    for row in run.record.get("sections", {}).get("learning", {}).get("rows", []):
        if "curve" in row:
            settings = {key: row["settings"][key] for key in SETTINGS}
            curve = pd.DataFrame(row["curve"], columns=row["columns"])
            parts.append(curve.assign(**where, name=row["name"], **settings))
    return pd.concat(parts or [pd.DataFrame()]).reindex(columns=FRAMES["bench_curves"])
