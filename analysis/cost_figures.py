"""What the gradient methods cost, as figures: lines are predicted, open markers counted, filled markers measured."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis import labels, panels
from analysis.costs import SYMBOLS, Costs
from analysis.load import Results

GREY = "#444444"
PANEL = (2.35, 2.5)  # inches
WIDE_PANEL = (3.5, 2.7)
TALL_PANEL = (2.35, 4.0)  # where many lines lie close together
X_LABELS = {
    "hidden": "hidden size N",
    "layers": "layers L",
    "unroll": "segment length M (steps)",
    "episode": "episode length T (steps)",
}
# Settings that a row of panels may mix: those that the legend names, and T, which matters to full BPTT alone.
_MIXED = {"hidden": ("layers", "inputs", "episode")}
_TICKS = 6  # at most, on either axis
_LETTERS = 19  # of small print per inch
LIMIT_COLUMNS = ["method", "cell", "layers", "inputs", "batch", "memory_gb", "largest_hidden", "bytes_per_slot"]

Drawing = tuple[Figure | None, pd.DataFrame]


@dataclass(frozen=True)
class _Quantity:
    """What a panel shows: columns of costs.csv (None: there is no such number), and how a value is written."""

    title: str
    predicted: str | None
    counted: str | None
    measured: str | None
    write: Callable[[float], str]
    base: int  # ticks stand at powers of it

    @property
    def columns(self) -> list[str]:
        columns = [column for column in (self.predicted, self.counted, self.measured) if column]
        return [*columns, *_quartiles(self)]


MEMORY = _Quantity("Peak memory", "predicted_peak_bytes", "counted_peak_bytes", "measured_peak_bytes", labels.memory, 2)
FLOPS = _Quantity("FLOPs per step", "predicted_flops_per_step", "counted_flops_per_step", None, labels.count, 10)
TIME = _Quantity("Time per step", None, None, "measured_step_s", labels.step_time, 10)
# Which crossovers a panel shows: kind, the quantity they are about, and what is said of them.
_CROSSOVERS = {
    ("episode", MEMORY, "predicted"): "RTRL needs less from",
    ("episode", MEMORY, "measured"): "RTRL needs less from",
    ("unroll", FLOPS, "predicted"): "RTRL within 1.1 × TBPTT from",
    ("unroll", TIME, "measured"): "RTRL within 1.1 × TBPTT from",
}
_CROSSOVER_LINES = {"predicted": ("dashed", (0, (4, 3))), "measured": ("dotted", (0, (1, 2)))}


def against_episode(results: Results) -> Drawing:
    """Peak memory against T: full BPTT grows, RTRL does not; where they cross."""
    return _draw(results.costs, "episode", (MEMORY,), WIDE_PANEL)


def against_hidden(results: Results) -> Drawing:
    """Memory, operations and time against N: dense, element-wise, and two layers."""
    return _draw(results.costs, "hidden", (MEMORY, FLOPS, TIME), TALL_PANEL)


def against_layers(results: Results) -> Drawing:
    """Memory, operations and time against L."""
    return _draw(results.costs, "layers", (MEMORY, FLOPS, TIME))


def against_unroll(results: Results) -> Drawing:
    """Operations and time against M: step by step, segment-wise, and TBPTT."""
    return _draw(results.costs, "unroll", (FLOPS, TIME), WIDE_PANEL)


def largest_hidden(results: Results) -> Drawing:
    """The largest N against the memory of a device, a panel for each L."""
    limits = results.costs.limits.dropna(subset="largest_hidden")
    if limits.empty:
        return None, pd.DataFrame()
    limits = limits.assign(series=_names(limits))
    groups = [group for _, group in limits.groupby("layers")]
    figure, axes = panels.grid(len(groups), 3, PANEL)
    styles = panels.looks(limits["series"])
    for place, group in zip(axes, groups):
        layers = int(group["layers"].iloc[0])
        square = bool((group["inputs"].isna() | (group["inputs"] == group["largest_hidden"])).all())
        width = "D = N" if square else f"D = {labels.span(group['inputs'], _plain)}"
        panels.headed(
            place,
            f"{layers} layer{'s' if layers > 1 else ''}",
            [f"predicted, B = {labels.span(group['batch'], _plain)}, {width}"],
        )
        for name in group["series"].unique():
            line = group[group["series"] == name].sort_values("memory_gb")
            place.plot(line["memory_gb"], line["largest_hidden"], **styles[name])
        place.set(xscale="log", yscale="log", ylim=_padded(limits["largest_hidden"]))
        _value_ticks(place, limits["memory_gb"])
        _power_ticks(place, labels.count, 10)
    panels.label(axes, "memory (GB)", "largest hidden size N")
    panels.legend(figure, styles, markers=True)
    return figure, limits[LIMIT_COLUMNS]


def _draw(costs: Costs, axis: str, quantities: Sequence[_Quantity], panel: tuple[float, float] = PANEL) -> Drawing:
    """A row of panels for each setting of the sizes that the sweeps along `axis` keep fixed."""
    points = costs.points[costs.points["axis"] == axis]
    if points.empty:
        return None, pd.DataFrame()
    points = points.assign(series=_names(points, axis))
    fixed = [size for size in SYMBOLS if size not in (axis, *_MIXED.get(axis, ("episode",)))]
    rows = [row for _, row in points.groupby(fixed)]
    figure, axes = panels.grid(len(rows) * len(quantities), len(quantities), panel)
    styles = panels.looks(points["series"])
    letters = int((figure.get_figwidth() / len(quantities) - panels.TICKS) * _LETTERS)
    for k, row in enumerate(rows):
        places = axes[k * len(quantities) : (k + 1) * len(quantities)]
        notes = []
        for place, quantity in zip(places, quantities):
            _draw_panel(place, row, axis, quantity, styles)
            lines = [_settings(row, axis), _basis(row, quantity), *_draw_crossovers(place, costs, row, axis, quantity)]
            notes.append([part for line in lines for part in textwrap.wrap(line, letters)])
        tallest = max(map(len, notes))
        for place, quantity, lines in zip(places, quantities, notes):
            panels.headed(place, quantity.title, lines + [""] * (tallest - len(lines)))  # titles at one height
    panels.label(axes, X_LABELS[axis], "")
    panels.legend(figure, styles, _kinds(costs, points, quantities), markers=True)
    columns = ["sweep", "series", "method", "cell", *SYMBOLS]
    columns += [column for quantity in quantities for column in quantity.columns]
    return figure, points[[*columns, "repeats", "implementation", "device"]]


def _names(points: pd.DataFrame, axis: str = "layers") -> list[str]:
    """What the legend tells apart, named as the method of a training run: `rtrl`, `rnn_rtrl_dense`, `rtrl_l2`."""
    names = []
    for method, cell, layers in zip(points["method"], points["cell"], points["layers"]):
        name = method if cell == "elstm" else f"{cell}_{method}"
        names.append(f"{name}_l{layers:.0f}" if axis != "layers" and layers > 1 else name)
    return names


def _draw_panel(axes: Axes, points: pd.DataFrame, axis: str, quantity: _Quantity, styles: panels.Styles) -> None:
    axes.set(xscale="log", yscale="log")
    for _, line in points.groupby(["sweep", "series"], sort=False):
        style, line = styles[line["series"].iloc[0]], line.sort_values(axis)
        marker = {"color": style["color"], "marker": style["marker"]}
        if quantity.predicted:
            axes.plot(line[axis], line[quantity.predicted], color=style["color"], ls=style["linestyle"], lw=1.1)
        if quantity.counted:
            axes.plot(line[axis], line[quantity.counted], **marker, ls="", mfc="white", ms=5.5, mew=0.9)
        if quantity.measured:
            known = line.dropna(subset=quantity.measured)
            y = known[quantity.measured]
            error = [(known[end] - y).abs().fillna(0) for end in _quartiles(quantity)] or None
            joined = "" if quantity.predicted else style["linestyle"]
            axes.errorbar(known[axis], y, error, **marker, ls=joined, lw=0.9, ms=3.5, capsize=1.5)
    _value_ticks(axes, points[axis])
    _power_ticks(axes, quantity.write, quantity.base)


def _draw_crossovers(axes: Axes, costs: Costs, points: pd.DataFrame, axis: str, quantity: _Quantity) -> Iterator[str]:
    """A vertical line at each crossover along `axis` of the networks in this panel; what to say of them."""
    sizes = ["cell", "layers", "hidden", "inputs", "batch"]
    networks = points[sizes].drop_duplicates()
    for (kind, about, basis), text in _CROSSOVERS.items():
        if (kind, about) != (axis, quantity):
            continue
        found = costs.crossovers[(costs.crossovers["kind"] == kind) & (costs.crossovers["basis"] == basis)]
        word, line = _CROSSOVER_LINES[basis]
        for _, crossover in found.merge(networks, on=sizes).drop_duplicates([*sizes, "value"]).iterrows():
            value = crossover["value"]
            cell = f", {labels.cell(crossover['cell'])}" if networks["cell"].nunique() > 1 else ""
            if not np.isfinite(value):
                yield f"no crossover ({basis}{cell})"
                continue
            inside = points[axis].min() <= value <= points[axis].max()
            if inside:
                axes.axvline(value, color=GREY, lw=0.8, ls=line, zorder=0)
            where = _unbroken(f"{SYMBOLS[axis]} = {value:.0f}")
            yield f"{word + ': ' if inside else ''}{text} {where} ({basis}{cell})"


def _settings(points: pd.DataFrame, axis: str) -> str:
    """The sizes that do not vary along the axis: `L = 1–2, D = N, B = 32, M = 50`; T where it has a say."""
    parts = []
    for size, symbol in SYMBOLS.items():
        if size == axis or (size == "episode" and "bptt" not in set(points["method"])):
            continue
        square = size == "inputs" and bool((points["inputs"] == points["hidden"]).all())
        parts.append("D = N" if square else f"{symbol} = {labels.span(points[size], _plain)}")
    return ", ".join(map(_unbroken, parts))


def _basis(points: pd.DataFrame, quantity: _Quantity) -> str:
    """What of a panel's numbers was measured, how often and on what device; of a panel without: what was counted."""
    if quantity.measured is None:
        return "predicted and counted" if points[quantity.counted].notna().any() else "predicted, not counted"
    measured = points.dropna(subset=quantity.measured)
    if measured.empty:
        return "not measured"
    places = sorted(set(zip(measured["device"], measured["implementation"])))
    where = "measured: " + ", ".join(
        f"{'/'.join(made for at, made in places if at == device)} on {device}" for device in dict(places)
    )
    return f"{where}, {labels.span(measured['repeats'], _plain)} repeats" if quantity is TIME else where


def _kinds(costs: Costs, points: pd.DataFrame, quantities: Sequence[_Quantity]) -> list[Line2D]:
    """Legend entries for what lines and markers stand for, as far as there are any."""
    device = textwrap.fill(f"measured ({costs.record['device_name']})", 30)
    handles = [Line2D([], [], color=GREY, lw=1.1, label="predicted")]
    if _any(points, [quantity.counted for quantity in quantities]):
        handles.append(Line2D([], [], color=GREY, ls="", marker="o", mfc="white", ms=5.5, label="counted (XLA)"))
    if _any(points, [quantity.measured for quantity in quantities]):
        handles.append(Line2D([], [], color=GREY, ls="", marker="o", ms=3.5, label=device))
    return handles


def _any(points: pd.DataFrame, columns: Sequence[str | None]) -> bool:
    return bool(points[[column for column in columns if column]].notna().any(axis=None))


def _quartiles(quantity: _Quantity) -> list[str]:
    return [f"{quantity.measured}_low", f"{quantity.measured}_high"] if quantity is TIME else []


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _plain(value: float) -> str:
    return f"{value:.0f}"


def _padded(values: pd.Series) -> tuple[float, float]:
    """Limits of a logarithmic axis around `values`."""
    return float(values.min()) / 1.4, float(values.max()) * 1.4


def _value_ticks(axes: Axes, values: pd.Series) -> None:
    """Ticks of the x axis at values of the sweep, every one or, where these are many, every second, third, ..."""
    places = sorted(values.unique())
    places = places[:: -(-len(places) // _TICKS)]
    axes.xaxis.set(major_locator=FixedLocator(places), minor_locator=NullLocator())
    axes.set_xticks(places, [labels.count(place) if place >= 10_000 else f"{place:g}" for place in places])


def _power_ticks(axes: Axes, write: Callable[[float], str], base: int) -> None:
    """Ticks of the y axis at powers of `base`, or of its square, fourth power, ... where these are too many.

    Where they are too few: at 1, 2 and 5 times powers of ten as well, or at round numbers.
    """
    low, high = axes.get_ylim()
    step = base
    while np.log(high / low) / np.log(step) > _TICKS:
        step **= 2
    exponents = range(math.floor(math.log(low, step)), math.ceil(math.log(high, step)) + 1)
    powers = [float(step) ** k for k in exponents]
    between = [factor * power for power in powers for factor in (1, 2, 5)] if base == 10 else []
    for places in (powers, between, MaxNLocator(5).tick_values(low, high)):
        inside = [place for place in places if low <= place <= high]
        if len(inside) > 2:
            break
    axes.yaxis.set(major_locator=FixedLocator(inside), minor_locator=NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
