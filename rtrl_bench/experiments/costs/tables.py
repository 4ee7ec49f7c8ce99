"""The files of a finished study, from its points (units: results/README.md). Importing this imports no torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

from rtrl_bench.costs.crossovers import (
    NEARLY_EQUAL,
    episode_crossover,
    largest_hidden,
    measured_crossover,
    unroll_crossover,
)
from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.costs.theory import QUANTITIES, exponent, leading_term
from rtrl_bench.experiments.costs.config import ComplexityConfig, LimitsConfig
from rtrl_bench.experiments.costs.points import Point
from rtrl_bench.runs.work import Content, Table

SIZES = "layers hidden inputs batch unroll episode".split()
COSTS = (
    "sweep axis method cell layers hidden inputs batch unroll episode "
    "predicted_state_bytes predicted_peak_bytes predicted_flops_per_step "
    "counted_flops_per_step counted_bytes_per_step counted_peak_bytes "
    "measured_step_s measured_step_s_low measured_step_s_high repeats measured_peak_bytes implementation device note"
).split()
THEORY = "sweep method cell axis quantity exponent leading_term".split()
LIMITS = "method cell layers inputs batch memory_gb largest_hidden bytes_per_slot".split()
CROSSOVERS = "kind cell layers hidden inputs batch value basis text".split()

LARGE = 10e6  # bytes from which a measured peak is compared: below, what torch itself needs for its work shows

Row = dict[str, Any]
Crossover = tuple[float | None, str]  # where it is, and in words


def tables(config: ComplexityConfig, points: Sequence[Point]) -> dict[str, Content]:
    """All four, by the names of their files."""
    of_rows = {
        "costs.csv": (COSTS, map(_cost, points)),
        "theory.csv": (THEORY, theory(points)),
        "limits.csv": (LIMITS, limits(config.limits)),
        "crossovers.csv": (CROSSOVERS, crossovers(points)),
    }
    return {
        name: Table(columns, [[row.get(column) for column in columns] for row in rows])
        for name, (columns, rows) in of_rows.items()
    }


def peak_ratio(points: Iterable[Point]) -> dict[str, float] | None:
    """Measured / predicted peak memory: lowest, median, highest; None without any."""
    ratios = [
        point.found["measured_peak_bytes"] / _peak(point)
        for point in points
        if _peak(point) >= LARGE and "measured_peak_bytes" in point.found
    ]
    return {"low": min(ratios), "median": statistics.median(ratios), "high": max(ratios)} if ratios else None


def _peak(point: Point) -> int:
    """Predicted, with parameters and their gradient, which are counted and measured as well."""
    return point.cost.peak_bytes + point.cost.parameter_bytes


def _cost(point: Point) -> Row:
    sizes = asdict(point.sizes)
    return {
        **{"sweep": point.sweep, "axis": point.axis, "method": point.method, "cell": point.cell},
        **{name: sizes[name] for name in SIZES},
        "predicted_state_bytes": point.cost.state_bytes,
        "predicted_peak_bytes": _peak(point),
        "predicted_flops_per_step": point.cost.flops_per_step,
        **point.found,
        "note": "; ".join(point.notes),
    }


def curves(points: Iterable[Point]) -> dict[tuple[str, str, str], list[Point]]:
    """The points by sweep, method and cell, along the axis."""
    found: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.sweep, point.method, point.cell), []).append(point)
    return found


def theory(points: Iterable[Point]) -> Iterator[Row]:
    """The exponent of every predicted quantity of every curve."""
    for (sweep, method, cell), curve in curves(points).items():
        positions = [point.position for point in curve]
        for quantity, column in QUANTITIES.items():
            slope = exponent(positions, [_cost(point)[column] for point in curve])
            if slope is not None:
                yield {
                    **{"sweep": sweep, "method": method, "cell": cell, "axis": curve[0].axis},
                    **{"quantity": quantity, "exponent": slope},
                    "leading_term": leading_term(method, curve[-1].sizes.layers, quantity),
                }


def limits(config: LimitsConfig) -> Iterator[Row]:
    """The largest layers that fit, parameters and their gradient included."""
    for (method, cells), layers, memory_gb in product(config.methods.items(), config.layers, config.memory_gb):
        for cell in cells:
            sizes = config.sizes(cell, layers)
            largest = largest_hidden(method, sizes, memory_gb * 1e9)
            state = predict(method, replace(sizes, hidden=largest)).state_bytes if largest else 0
            yield {
                **{"method": method, "cell": cell, "layers": layers, "inputs": sizes.inputs, "batch": sizes.batch},
                **{"memory_gb": memory_gb, "largest_hidden": largest or None},
                "bytes_per_slot": state // sizes.batch if largest else None,
            }


def crossovers(points: Iterable[Point]) -> Iterator[Row]:
    """Where RTRL overtakes full BPTT (memory, over T) or comes near TBPTT (operations, time, over M)."""
    found = curves(points)
    for (sweep, method, cell), curve in found.items():
        axis, sizes = curve[0].axis, curve[0].sizes
        rival = found.get((sweep, {"episode": "bptt", "unroll": "tbptt"}.get(axis, ""), cell))
        if method == "rtrl" and rival is not None:
            predicted, measured = (_episode, _episode_measured) if axis == "episode" else (_unroll, _unroll_measured)
            where = {name: getattr(sizes, name) for name in ("cell", "layers", "hidden", "inputs", "batch")}
            for basis, (value, text) in (("predicted", predicted(sizes)), ("measured", measured(curve, rival))):
                yield {"kind": axis, **where, "value": value, "basis": basis, "text": text}


def _episode(sizes: Sizes) -> Crossover:
    value = episode_crossover("rtrl", sizes)
    text = f"RTRL is predicted to need less memory than full BPTT for episodes of {value} steps and more"
    return value, text if value else "RTRL needs more memory at any length"


def _episode_measured(rtrl: Sequence[Point], bptt: Sequence[Point]) -> Crossover:
    value, tried = _measured(rtrl, bptt, "measured_peak_bytes", factor=1.0)
    return value, f"measured at {tried}: RTRL needs less memory than full BPTT {_from(value, 'T')}"


def _unroll(sizes: Sizes) -> Crossover:
    value = unroll_crossover(sizes)
    if value is None:
        at = replace(sizes, unroll=10**6)
        ratio = predict("rtrl", at).flops_per_step / predict("tbptt", at).flops_per_step
        return None, f"never: with long segments RTRL takes {ratio:.3g} x the operations of TBPTT"
    times = f"less than {NEARLY_EQUAL} x the operations of TBPTT"
    return value, f"RTRL is predicted to take {times} from segments of {value} on"


def _unroll_measured(rtrl: Sequence[Point], tbptt: Sequence[Point]) -> Crossover:
    value, tried = _measured(rtrl, tbptt, "measured_step_s", NEARLY_EQUAL)
    said = f"a step of RTRL takes less than {NEARLY_EQUAL} x one of TBPTT {_from(value, 'M')}"
    return value, f"measured at {tried}: {said}"


def _measured(ours: Sequence[Point], theirs: Sequence[Point], column: str, factor: float) -> Crossover:
    """Where ours < factor * theirs for good, interpolated; and the positions that this is known at."""
    first, second = ({p.position: p.found[column] for p in curve if column in p.found} for curve in (ours, theirs))
    positions = [position for position in first if position in second]
    tried = f"{positions[0]} to {positions[-1]}" if positions else "no length"
    return measured_crossover(positions, [first[p] - factor * second[p] for p in positions]), tried


def _from(value: float | None, symbol: str) -> str:
    return "at none of them" if value is None else f"from {symbol} = {value:.3g} on"
