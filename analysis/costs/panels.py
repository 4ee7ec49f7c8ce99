"""What the gradient methods cost, as figures: lines are predicted, open markers counted, filled markers measured."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis import labels, methods, style
from analysis.costs.load import NOT_STUDIED, SYMBOLS
from analysis.kinds import NothingToShow
from analysis.load import Results

X_LABELS = {
    "hidden": "hidden size N",
    "layers": "layers L",
    "unroll": "segment length M (steps)",
    "episode": "episode length T (steps)",
}
_MIXED = {"hidden": ("layers",)}  # sizes that a row of panels may mix, as the legend names them
_TICKS = 6  # at most, on either axis
_SMALL_LETTERS = 19  # of small print per inch
PREDICTED: dict[str, Any] = {"lw": 1.1, "markers": False}
COUNTED: dict[str, Any] = {"ls": "", "ms": 5.5, "mfc": "white", "markeredgecolor": "auto", "markeredgewidth": 0.9}
MEASURED: dict[str, Any] = {"ms": 3.5, "lw": 0.9, "markeredgecolor": "auto"}


@dataclass(frozen=True)
class Quantity:
    """What a panel shows: columns of costs.csv (None: there is no such number), and how a value is written."""

    title: str
    predicted: str | None
    counted: str | None
    measured: str | None
    write: Callable[[float], str]
    base: int  # ticks stand at powers of it
    quartiles: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Those of costs.csv."""
        return [column for column in (self.predicted, self.counted, self.measured, *self.quartiles) if column]


MEMORY = Quantity("Peak memory", "predicted_peak_bytes", "counted_peak_bytes", "measured_peak_bytes", labels.memory, 2)
FLOPS = Quantity("FLOPs per step", "predicted_flops_per_step", "counted_flops_per_step", None, labels.count, 10)
QUARTILES = ("measured_step_s_low", "measured_step_s_high")
TIME = Quantity("Time per step", None, None, "measured_step_s", labels.step_time, 10, QUARTILES)
# Which crossovers a panel shows: kind, the quantity they are about, and what is said of them.
_CROSSOVERS = {
    ("episode", MEMORY, "predicted"): "RTRL needs less from",
    ("episode", MEMORY, "measured"): "RTRL needs less from",
    ("unroll", FLOPS, "predicted"): "RTRL within 1.1 × TBPTT from",
    ("unroll", TIME, "measured"): "RTRL within 1.1 × TBPTT from",
}
_CROSSOVER_LINES = {"predicted": ("dashed", (0, (4, 3))), "measured": ("dotted", (0, (1, 2)))}


def draw(results: Results, axis: str, quantities: Sequence[Quantity], height: float = 2.4) -> style.Drawing:
    """A row of panels for each setting of the sizes that the sweeps along `axis` keep fixed."""
    points = results["points"]
    points = points[points["axis"] == axis]
    if points.empty:
        raise NothingToShow(NOT_STUDIED)
    telling = points.drop(columns="layers") if axis == "layers" else points
    found, points = methods.methods(telling), points.assign(method=methods.named(telling)["method"])
    fixed = [size for size in SYMBOLS if size not in (axis, *_MIXED.get(axis, ()))]
    rows = [points.loc[row.index] for _, row in _kept(points).groupby(["study", *fixed])]
    panels = pd.DataFrame({"panel": range(len(rows) * len(quantities))})
    wrap = len(quantities) if len(quantities) > 1 else 2
    grid = sns.FacetGrid(
        panels, col="panel", col_wrap=wrap, sharex=False, sharey=False, height=height, aspect=3 / height
    )
    for number, axes in grid.axes_dict.items():
        row, quantity = rows[number // len(quantities)], quantities[number % len(quantities)]
        _draw_panel(axes, row, axis, quantity, found)
        said = [row["study"].iloc[0]] if points["study"].nunique() > 1 else []
        said += [_settings(row, axis), _basis(row, quantity), *_draw_crossovers(axes, results, row, axis, quantity)]
        letters = int(style.width(axes) * _SMALL_LETTERS)
        style.headed(axes, quantity.title, [part for line in said for part in textwrap.wrap(line, letters)])
    grid.set_axis_labels(X_LABELS[axis], "")
    style.finish(grid.figure, found.values(), _kinds(results, points, quantities))
    columns = [column for quantity in quantities for column in quantity.columns]
    sizes = ["sweep", "method", "gradient", "cell", *SYMBOLS]
    return style.Drawing(grid.figure, points[[*sizes, *columns, "repeats", "implementation", "device"]])


def _kept(points: pd.DataFrame) -> pd.DataFrame:
    """The sizes as a sweep keeps them: D is inf where it varies with N; T is full BPTT's, to which alone it matters.

    Sweeps without full BPTT go with the shortest T of the others.
    """
    varies = points.groupby("sweep")["inputs"].transform("nunique") > 1
    square = (points["inputs"] == points["hidden"]).groupby(points["sweep"]).transform("all")
    of_bptt = points["episode"].where(points["gradient"] == "bptt").groupby(points["sweep"]).transform("min")
    episode = of_bptt.fillna(of_bptt.min()).fillna(0)
    with_hidden = (points["axis"] == "hidden") & (varies | square)
    inputs = points["inputs"].astype(float).where(~with_hidden, np.inf)
    return points[["study", *SYMBOLS]].assign(inputs=inputs, episode=episode)


def _draw_panel(
    axes: Axes, points: pd.DataFrame, axis: str, quantity: Quantity, found: dict[str, methods.Method]
) -> None:
    axes.set(xscale="log", yscale="log")
    same = {**style.lines(found), "x": axis, "legend": False, "ax": axes}
    single: dict[str, Any]
    if quantity.predicted:
        single = {"y": quantity.predicted, "units": "sweep", "estimator": None}
        sns.lineplot(points, **{**same, **single, **PREDICTED})
    if quantity.counted:
        single = {"y": quantity.counted, "units": "sweep", "estimator": None, "dashes": False}
        sns.lineplot(points, **{**same, **single, **COUNTED})
    if quantity.measured:
        parts = [points.assign(measured=points[column]) for column in (quantity.measured, *quantity.quartiles)]
        measured = pd.concat(parts).dropna(subset="measured")
        joined = {} if quantity.predicted is None else {"dashes": False, "ls": ""}
        bars = {"estimator": "median", "errorbar": ("pi", 100), "err_style": "bars", "err_kws": {"capsize": 1.5}}
        sns.lineplot(measured, **{**same, "y": "measured", **bars, **joined, **MEASURED})
    places = sorted(points[axis].unique())
    places = places[:: -(-len(places) // _TICKS)]
    axes.set_xticks(places, [labels.count(place) if place >= 10_000 else f"{place:g}" for place in places])
    axes.xaxis.set_minor_locator(NullLocator())
    power_ticks(axes, quantity.write, quantity.base)


def power_ticks(axes: Axes, write: Callable[[float], str], base: int) -> None:
    """Ticks of the y axis at powers of `base`, or of its square, ...; between them as well where these are too few."""
    low, high = axes.get_ylim()
    powers = np.log(high / low) / np.log(base)
    between = (1, 2, 5) if base == 10 and powers < 2.5 else (1,)
    few = powers < (0.5 if base == 10 else 1.5)
    axes.yaxis.set_major_locator(MaxNLocator(4) if few else LogLocator(base, between, numticks=_TICKS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_crossovers(
    axes: Axes, results: Results, points: pd.DataFrame, axis: str, quantity: Quantity
) -> Iterator[str]:
    """A vertical line at each crossover along `axis` of the networks in this panel; what to say of them."""
    sizes = ["study", "cell", "layers", "hidden", "inputs", "batch"]
    networks = points[sizes].drop_duplicates()
    for (kind, about, basis), text in _CROSSOVERS.items():
        if (kind, about) != (axis, quantity):
            continue
        every = results["crossovers"]
        found = every[(every["kind"] == kind) & (every["basis"] == basis)]
        word, line = _CROSSOVER_LINES[basis]
        for _, crossover in found.merge(networks, on=sizes).drop_duplicates([*sizes, "value"]).iterrows():
            value = crossover["value"]
            cell = f", {methods.cell_label(crossover['cell'])}" if networks["cell"].nunique() > 1 else ""
            if not np.isfinite(value):
                yield f"no crossover ({basis}{cell})"
                continue
            inside = points[axis].min() <= value <= points[axis].max()
            if inside:
                axes.axvline(value, color=style.GREY, lw=0.8, ls=line, zorder=0)
            where = style.unbroken(f"{SYMBOLS[axis]} = {value:.0f}")
            yield f"{word + ': ' if inside else ''}{text} {where} ({basis}{cell})"


def _settings(points: pd.DataFrame, axis: str) -> str:
    """The sizes that do not vary along the axis: `L = 1–2, D = N, B = 32, M = 50`; T where it has a say."""
    parts, bptt = [], points[points["gradient"] == "bptt"]
    for size, symbol in SYMBOLS.items():
        if size == axis or (size == "episode" and bptt.empty):
            continue
        square = size == "inputs" and bool((points["inputs"] == points["hidden"]).all())
        values = (bptt if size == "episode" else points)[size]
        parts.append("D = N" if square else f"{symbol} = {labels.span(values, labels.whole)}")
    return ", ".join(map(style.unbroken, parts))


def _basis(points: pd.DataFrame, quantity: Quantity) -> str:
    """What of a panel's numbers was measured, how often and on what device; of a panel without: what was counted."""
    if quantity.measured is None:
        return "predicted and counted" if points[quantity.counted].notna().any() else "predicted, not counted"
    measured = points.dropna(subset=quantity.measured)
    if measured.empty:
        return "not measured"
    where = [
        f"{'/'.join(sorted(set(made)))} on {device}" for device, made in measured.groupby("device")["implementation"]
    ]
    repeats = f", {labels.span(measured['repeats'], labels.whole)} repeats" if quantity is TIME else ""
    return f"measured: {', '.join(where)}{repeats}"


def _kinds(results: Results, points: pd.DataFrame, quantities: Sequence[Quantity]) -> list[Line2D]:
    """Legend entries for what lines and markers stand for, as far as there are any."""
    device = textwrap.fill(f"measured ({labels.joined(results['studies']['device_name'])})", 30)
    entries: dict[str, tuple[str, dict[str, Any]]] = {
        "predicted": ("predicted", {"lw": 1.1}),
        "counted": ("counted", {"ls": "", "marker": "o", "mfc": "white", "ms": 5.5}),
        "measured": (device, {"ls": "", "marker": "o", "ms": 3.5}),
    }
    return [
        Line2D([], [], color=style.GREY, label=label, **look)
        for basis, (label, look) in entries.items()
        if any(points[column].notna().any() for quantity in quantities if (column := getattr(quantity, basis)))
    ]
