"""What the figures share: how a method looks, the grid of panels, the line of facts under a panel's title."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import labels

Style = dict[str, Any]
Styles = dict[str, Style]  # by method

# Colour, line and marker differ together, so that a method can be told in grey print as well.
_LOOKS: Styles = {
    "feedforward": {"color": "#7a7a7a", "linestyle": ":", "marker": "s"},
    "tbptt": {"color": "#D55E00", "linestyle": "--", "marker": "v"},
    "rtrl": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "bptt": {"color": "#009E73", "linestyle": "-.", "marker": "D"},
}
_OTHER_LINES, _OTHER_MARKERS = ("--", "-.", ":"), ("^", "P", "X", "<", ">")
PANEL = (2.35, 2.1)  # inches
SMALL = 6.5  # points
TICKS, LETTERS = 0.4, 14  # width of the numbers beside a panel in inches; letters of a title per inch


def looks(methods: Iterable[str]) -> Styles:
    """Colour, line style and marker for each method, in drawing order; the main methods always look the same."""
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    found: Styles = {}
    others = 0
    for method in sorted(set(methods), key=labels.method_order):
        if method in _LOOKS:
            found[method] = _LOOKS[method]
            continue
        found[method] = {
            "color": colours[others % len(colours)],
            "linestyle": _OTHER_LINES[others % len(_OTHER_LINES)],
            "marker": _OTHER_MARKERS[others % len(_OTHER_MARKERS)],
        }
        others += 1
    return found


def grid(count: int, columns: int, panel: tuple[float, float] = PANEL) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels; the places that are left over stay white."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    size = (max(columns * panel[0], 4.7), rows * panel[1] + 0.7)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    flat = list(axes.flat)
    for spare in flat[count:]:
        spare.axis("off")
    return figure, flat[:count]


def label(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the x axis under the lowest panel of each column, and the y axis beside the first panel of each row."""
    specs = [place.get_subplotspec() for place in axes]
    lowest = {spec.colspan.start: place for spec, place in zip(specs, axes) if spec is not None}
    for place in lowest.values():
        place.set_xlabel(x)
    for spec, place in zip(specs, axes):
        if spec is not None and spec.is_first_col():
            place.set_ylabel(y)
    axes[0].figure.align_ylabels(list(axes))


def legend(figure: Figure, styles: Styles, extra: Iterable[Line2D] = (), *, markers: bool) -> None:
    """One legend for the whole figure, under the panels."""
    handles = [
        Line2D([], [], **(style if markers else {**style, "marker": ""}), label=labels.method(method))
        for method, style in styles.items()
    ]
    handles += list(extra)
    columns = len(handles) if len(handles) <= 4 else math.ceil(len(handles) / 2)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=2.6)


def facts(axes: Axes, title: str, runs: pd.DataFrame) -> None:
    """Panel title, and under it n, backend, budget and pre-training (env frames) of the runs drawn there."""
    n = labels.span(runs.groupby("setting").size(), "{:.0f}".format)
    frames = f"{labels.span(runs['env_frames'], labels.count)} env frames"
    lines = [f"n = {n} {'seed' if n == '1' else 'seeds'}, {labels.joined(runs['backend'])}"]
    fractions = runs["budget_fraction"].dropna()
    if fractions.empty:
        lines.append(f"{frames} a run")
    else:
        lines.append(f"{frames}, under-trained:" if (fractions < 0.99).any() else f"{frames}:")
        lines.append(f"{labels.span(fractions, labels.percent)} of the paper's")
    stems = [json.loads(text)["env_frames"] for text in runs["pretrained"] if text]
    if stems:
        lines.append(f"vision stem frozen after {labels.span(stems, labels.count)}")
    axes.set_title(textwrap.fill(title, _letters(axes)), pad=5 + 1.25 * SMALL * len(lines))
    note = axes.annotate(
        "\n".join(lines),
        (0, 1),
        (0, 3),
        "axes fraction",
        "offset points",
        fontsize=SMALL,
        color="#444444",
        va="bottom",
    )
    note.set_in_layout(False)  # long lines must not make the panel narrower; the title's padding makes room


def _letters(axes: Axes) -> int:
    """How many letters of a panel's title stand beside each other without reaching into the next panel."""
    spec, figure = axes.get_subplotspec(), axes.figure
    columns = spec.get_gridspec().ncols if spec is not None else 1
    return int((figure.bbox.width / figure.dpi / columns - TICKS) * LETTERS)
