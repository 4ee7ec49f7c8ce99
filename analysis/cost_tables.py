"""Tables of what the gradient methods cost: every number, fitted exponents, crossovers, limits, two-layer training."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from analysis import labels
from analysis.costs import NOT_STUDIED, SYMBOLS, Costs
from analysis.exponents import exponents, sentence
from analysis.load import Results
from analysis.stats import summarise
from analysis.table import Table, texts

_QUANTITIES = {"flops": "FLOPs per step", "memory": "peak memory"}
_CROSSINGS = {
    "episode": "full BPTT → RTRL: memory, by episode length T",
    "unroll": "TBPTT → segment-wise RTRL: within 1.1 × its cost, by segment length M",
}


def costs(study: Costs) -> Table:
    """Every point of every sweep: what was predicted, counted and measured."""
    title = "What each gradient method costs"
    frame = study.points
    if frame.empty:
        return Table.empty("costs", title, NOT_STUDIED)
    display = pd.DataFrame(
        {
            "Sweep": frame["sweep"],
            "Method": frame["method"].map(labels.method),
            "Cell": frame["cell"].map(labels.cell),
            **{symbol: frame[size].map(_size) for size, symbol in SYMBOLS.items()},
            "Carried predicted": frame["predicted_state_bytes"].map(labels.memory),
            "Peak memory predicted": frame["predicted_peak_bytes"].map(labels.memory),
            "Peak memory counted": frame["counted_peak_bytes"].map(labels.memory),
            "Peak memory measured": frame["measured_peak_bytes"].map(labels.memory),
            "FLOPs per step predicted": frame["predicted_flops_per_step"].map(labels.count),
            "FLOPs per step counted": frame["counted_flops_per_step"].map(labels.count),
            "Time per step [quartiles]": texts(frame, _time, "measured_step_s", *_QUARTILES),
            "Measured with": texts(frame, _measured_with, "implementation", "device", "repeats"),
            "Note": frame["note"],
        }
    )
    return Table("costs", title, frame, display, (source(study),))


def fitted(study: Costs) -> Table:
    """Fitted exponents beside the predicted ones, with a verdict on each."""
    title = "Exponents: fitted against predicted"
    if study.points.empty:
        return Table.empty("exponents", title, NOT_STUDIED)
    frame = exponents(study)
    display = pd.DataFrame(
        {
            "Sweep": frame["sweep"],
            "Method": frame["method"].map(labels.method),
            "Cell": frame["cell"].map(labels.cell),
            "In": frame["axis"].map(SYMBOLS),
            "Quantity": texts(frame, _quantity, "basis", "quantity"),
            "Predicted": frame["predicted"].map(partial(labels.number, digits=2)),
            "Fitted [95 % interval]": texts(frame, partial(labels.interval, digits=2), "exponent", "low", "high"),
            "Points": texts(frame, _points, "axis", "points", "fit_from", "fit_to"),
            "Verdict": frame["verdict"],
            "Leading term": frame["leading_term"],
        }
    )
    return Table("exponents", title, frame, display, (sentence(frame), source(study)))


def crossovers(study: Costs) -> Table:
    """Episode and segment lengths from which RTRL is the cheaper method, or nearly so."""
    title = "Where RTRL becomes the cheaper method"
    frame = study.crossovers
    if frame.empty:
        return Table.empty("crossovers", title, NOT_STUDIED)
    display = pd.DataFrame(
        {
            "Crossover": frame["kind"].map(_CROSSINGS),
            "Cell": frame["cell"].map(labels.cell),
            **{SYMBOLS[size]: frame[size].map(_size) for size in ("layers", "hidden", "inputs", "batch")},
            "From": texts(frame, _crossing, "kind", "value"),
            "Basis": frame["basis"],
            "In words": frame["text"],
        }
    )
    return Table("crossovers", title, frame, display, (source(study),))


def limits(study: Costs) -> Table:
    """The largest hidden size that fits into the memory of some devices, a column for each."""
    title = "Largest hidden size that fits"
    frame = study.limits
    if frame.empty:
        return Table.empty("limits", title, NOT_STUDIED)
    rows = []
    for _, group in frame.groupby(["method", "cell", "layers", "batch"], sort=False):
        first = group.iloc[0]
        square = group["inputs"].isna() | (group["inputs"] == group["largest_hidden"])
        fits = zip(group["memory_gb"], group["largest_hidden"])
        rows.append(
            {
                "Method": labels.method(first["method"]),
                "Cell": labels.cell(first["cell"]),
                "L": _size(first["layers"]),
                "D": "N" if square.all() else labels.span(group["inputs"], _size),
                "B": _size(first["batch"]),
                **{f"{memory:g} GB": _size(largest) for memory, largest in sorted(fits)},
            }
        )
    return Table("limits", title, frame, pd.DataFrame(rows).fillna(labels.NOTHING))


def two_layers(results: Results) -> Table:
    """Training runs of two-layer networks on the memory tasks: success, quality of the gradient, speed, memory."""
    title = "Two layers: success, gradient and cost of each method"
    runs = results.runs[results.runs["memory_task"] & (results.runs["layers"] == 2)]
    if runs.empty:
        return Table.empty("two_layers", title, "no memory task was run with two layers in this scale")
    rows = [_two_layer_row(group) for _, group in runs.groupby("setting", sort=False)]
    frame = pd.DataFrame(rows)
    frame = frame.assign(order=frame["method"].map(labels.method_order))
    keys = ["environment", "other_options", "delay", "unroll", "retention", "order"]
    frame = frame.sort_values(keys, kind="stable").drop(columns="order").reset_index(drop=True)
    display = pd.DataFrame(
        {
            "Task": texts(frame, labels.variant, "environment", "other_options"),
            "Delay": frame["delay"].map(_size),
            "M": frame["unroll"].map(_size),
            "Retention": frame["retention"].map(labels.retention),
            "Method": frame["method"].map(labels.method),
            "Success, IQM [95 % interval]": texts(frame, partial(labels.interval, digits=2), "iqm", "low", "high"),
            "Mean ± std": texts(frame, partial(labels.plus_minus, digits=2), "mean", "std"),
            "n": frame["n"].astype(str),
            "Cosine to the exact gradient": texts(
                frame, partial(labels.plus_minus, digits=3), "cosine_mean", "cosine_std"
            ),
            "Least": frame["cosine_min"].map(partial(labels.number, digits=3)),
            "Lowest layer": frame["cosine_lowest_mean"].map(partial(labels.number, digits=3)),
            "Env steps/s": frame["steps_per_s_median"].map(_size),
            "ms per update": frame["ms_per_update_median"].map(labels.number),
            "Peak memory": frame["peak_bytes_max"].map(labels.memory),
            "Carried": frame["carried_bytes"].map(labels.memory),
            "Device": frame["devices"],
        }
    )
    return Table("two_layers", title, frame, display)


def _two_layer_row(group: pd.DataFrame) -> dict[str, object]:
    """The runs of one setting, which differ in seed alone."""
    same = ("environment", "options", "other_options", "delay", "unroll", "retention", "method", "backend")
    first = group.iloc[0]
    return {
        **{key: first[key] for key in same},
        **vars(summarise(group["score"])),
        "cosine_mean": group["gradient_cosine_mean"].mean(),
        "cosine_std": group["gradient_cosine_mean"].std(),
        "cosine_min": group["gradient_cosine_min"].min(),
        "cosine_lowest_mean": group["gradient_cosine_lowest_mean"].mean(),
        "norm_ratio_mean": group["gradient_norm_ratio_mean"].mean(),
        "steps_per_s_median": group["steps_per_s"].median(),
        "ms_per_update_median": (1000 * group["wall_s"] / group["updates"]).median(),
        "peak_bytes_max": group["peak_bytes"].max(),
        "carried_bytes": group["carried_bytes"].max(),
        "devices": labels.joined(f"{name} ({device})" for name, device in zip(group["device_name"], group["device"])),
        "setting": first["setting"],
        "pairing": first["pairing"],
    }


def source(study: Costs) -> str:
    """Where the numbers come from, in one line."""
    record = study.record
    counted = f"Counted by XLA (jax {record['versions'].get('jax', 'of unknown version')})"
    text = f"{counted}; measured on {record['device_name']} ({record['device']}), threads: {record['threads']}."
    ratio = record.get("peak_ratio")
    if ratio is None:
        return text
    low, median, high = (labels.number(ratio[key]) for key in ("low", "median", "high"))
    return f"{text} Measured peak memory is {low} to {high} times the predicted one, median {median}."


_QUARTILES = ("measured_step_s_low", "measured_step_s_high")


def _size(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else labels.NOTHING


def _time(median: float, low: float, high: float) -> str:
    if not math.isfinite(low):
        return labels.step_time(median)
    return f"{labels.step_time(median)} [{labels.span((low, high), labels.step_time)}]"


def _measured_with(implementation: str, device: str, repeats: float) -> str:
    times = f", {repeats:.0f} repeats" if math.isfinite(repeats) else ""
    return f"{implementation} on {device}{times}" if implementation else labels.NOTHING


def _quantity(basis: str, quantity: str) -> str:
    return (
        "measured time per step" if (basis, quantity) == ("measured", "flops") else f"{basis} {_QUANTITIES[quantity]}"
    )


def _points(axis: str, points: int, low: float, high: float) -> str:
    return f"{points}, {SYMBOLS[axis]} = {low:g}–{high:g}" if points else labels.NOTHING


def _crossing(kind: str, value: float) -> str:
    return f"{SYMBOLS[kind]} = {value:.0f}" if math.isfinite(value) else "none"
