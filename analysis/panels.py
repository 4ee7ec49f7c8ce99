"""What the figures share: how a method looks, the grid of panels, the line of facts under a panel's title."""

from __future__ import annotations

import json
import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
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
    "columnar": {"color": "#8C6D00", "linestyle": ":", "marker": "P"},
    "rtrl_segment": {"color": "#CC79A7", "linestyle": "--", "marker": "X"},
    "rtrl_layerwise": {"color": "#56B4E9", "linestyle": "-.", "marker": "^"},
    "rtrl_stepwise": {"color": "#F0A500", "linestyle": "-.", "marker": "s"},
    "rtrl_dense": {"color": "#000000", "linestyle": "-", "marker": "P"},
}
DARKER = 0.55  # share of a colour that is left where layers are told apart by it
_OTHER_LINES, _OTHER_MARKERS = ("--", "-.", ":"), ("^", "P", "X", "<", ">")
PANEL = (2.35, 2.1)  # inches
SMALL = 6.5  # points
TICKS, LETTERS = 0.4, 14  # width of the numbers beside a panel in inches; letters of a title per inch


def looks(methods: Iterable[str]) -> Styles:
    """Colour, line style and marker for each method, in drawing order; the main methods always look the same.

    So do they with several layers, but for a darker colour where the same method is there with fewer.
    """
    methods = sorted(set(methods), key=labels.method_order)
    taken = {_LOOKS[stem]["color"] for stem, _ in map(labels.split_layers, methods) if stem in _LOOKS}
    cycle = [to_hex(colour).upper() for colour in plt.rcParams["axes.prop_cycle"].by_key()["color"]]
    colours = [colour for colour in cycle if colour not in taken] or cycle
    found: Styles = {}
    others = 0
    depths: Counter[str] = Counter()
    for method in methods:
        stem, _ = labels.split_layers(method)
        if stem in _LOOKS:
            found[method] = {**_LOOKS[stem], "color": _darker(_LOOKS[stem]["color"], depths[stem])}
            depths[stem] += 1
            continue
        found[method] = {
            "color": colours[others % len(colours)],
            "linestyle": _OTHER_LINES[others % len(_OTHER_LINES)],
            "marker": _OTHER_MARKERS[others % len(_OTHER_MARKERS)],
        }
        others += 1
    return found


def _darker(colour: str, times: int) -> str:
    red, green, blue = (DARKER**times * part for part in to_rgb(colour))
    return to_hex((red, green, blue))


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
    texts = [str(handle.get_label()) for handle in handles]
    columns = len(handles) if len(handles) <= 4 else math.ceil(len(handles) / 2)
    while columns > 1 and _legend_width(texts, columns) > figure.get_figwidth():
        columns -= 1
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=2.6)


def _legend_width(texts: Sequence[str], columns: int) -> float:
    """About how wide a legend is, in inches; it is filled column by column."""
    rows = math.ceil(len(texts) / columns)
    letters = [
        max(len(line) for text in texts[k : k + rows] for line in text.split("\n")) for k in range(0, len(texts), rows)
    ]
    return sum(0.062 * count + 0.6 for count in letters)


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
    stems = [json.loads(text) for text in runs["pretrained"] if text]
    if stems:
        taught = ", taught from the state" if any(stem["method"] == "state" for stem in stems) else ""
        frames = labels.span([stem["env_frames"] for stem in stems], labels.count)
        lines.append(f"vision stem frozen after {frames}{taught}")
    headed(axes, title, lines)


def headed(axes: Axes, title: str, lines: Sequence[str]) -> None:
    """Panel title, and under it lines in small print."""
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
