"""What the figures share: how seaborn draws a method, panel titles with the facts under them, one legend."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.methods import Look, Method


class Drawing(NamedTuple):
    """A figure, the numbers that it shows, and what has to be said above it."""

    figure: Figure
    numbers: pd.DataFrame
    note: str = ""


GREY = "#444444"
REFERENCE: dict[str, Any] = {"color": "#7a7a7a", "lw": 0.9, "ls": (0, (1, 2)), "zorder": 0}  # chance, exact, paper
EXACT = {**REFERENCE, "label": "exact gradient"}  # a cosine of 1
MARKERS = "osD^vPX*"  # of lines that no method tells apart
MARK: dict[str, Any] = {"color": GREY, "lw": 1, "ls": (0, (4, 3)), "zorder": 0}  # a length that matters
SMALL = 6.5  # points
LETTERS = 14  # of a panel's title, per inch
FACETS: dict[str, Any] = {"height": 2.7, "legend": False, "facet_kws": {"sharex": False, "sharey": False}}


def lines(found: Mapping[str, Look | Method], *, by: str = "method", marked: bool = True) -> dict[str, Any]:
    """Arguments of seaborn's line plots: each value of the column `by` in its own colour, dashes and mark."""
    return {
        **{"hue": by, "hue_order": list(found), "style": by, "style_order": list(found)},
        "palette": {label: method.colour for label, method in found.items()},
        "dashes": {label: method.dashes for label, method in found.items()},
        "markers": {label: method.marker for label, method in found.items()} if marked else False,
    }


def headed(axes: Axes, title: str, said: Sequence[str]) -> None:
    """Panel title, and under it lines in small print."""
    axes.set_title(textwrap.fill(title, int(width(axes) * LETTERS)), pad=5 + 1.25 * SMALL * len(said))
    note = axes.annotate("\n".join(said), (0, 1), (0, 3), "axes fraction", "offset points", fontsize=SMALL, va="bottom")
    note.set(color=GREY, in_layout=False)  # long lines must not make the panel narrower; the title's padding makes room


def width(axes: Axes) -> float:
    """About the inches that a panel has for text above it."""
    spec, figure = axes.get_subplotspec(), axes.figure
    assert spec is not None
    return float(figure.bbox.width / figure.dpi / spec.get_gridspec().ncols - 0.4)


def unbroken(text: str) -> str:
    """Kept together where lines are filled."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def finish(
    figure: Figure,
    drawn: Iterable[Look | Method],
    extra: Iterable[Line2D] = (),
    *,
    marked: bool = True,
    lines: bool = True,
) -> None:
    """One legend under the panels: what was drawn, with marks, lines or both, then `extra`."""
    handles = [
        Line2D(
            *([], []),
            color=m.colour,
            ls=(0, m.dashes or (1, 0)) if lines else "",
            marker=m.marker if marked else "",
            label=m.label,
        )
        for m in drawn
    ]
    handles += extra
    widest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(figure.get_figwidth() / (0.062 * widest + 0.6))))
    figure.tight_layout()
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, handlelength=2.6)


def from_zero(axes: Axes) -> None:
    """Let the y axis begin at zero, unless there is something below, and end above all that is drawn."""
    low = min(0, axes.get_ylim()[0]) if axes.dataLim.y0 < 0 else 0
    axes.set_ylim(low, max(axes.get_ylim()[1], low + 1.05 * (axes.dataLim.y1 - low)))
