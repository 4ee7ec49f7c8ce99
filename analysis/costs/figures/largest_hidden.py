"""Largest hidden size against memory

The largest number of hidden units in each layer whose predicted peak memory fits into a device, in float32, with the
parameters and their gradient, for one, two and three layers. Nothing here is measured. Memory is in decimal GB.
"""

from __future__ import annotations

import seaborn as sns
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis import labels, methods, style
from analysis.costs.load import NOT_STUDIED
from analysis.kinds import NothingToShow
from analysis.load import Results

PLACE = 5


def draw(results: Results) -> style.Drawing:
    """A panel for each number of layers."""
    limits = results["limits"].dropna(subset="largest_hidden")
    if limits.empty:
        raise NothingToShow(NOT_STUDIED)
    telling = limits.drop(columns="layers")
    found = methods.methods(telling)
    several = limits["study"].nunique() > 1
    titles = [f"{layers:g} layer{'s' if layers > 1 else ''}" for layers in limits["layers"]]
    titles = [f"{study}: {title}" if several else title for study, title in zip(limits["study"], titles)]
    drawn = limits.assign(method=methods.named(telling)["method"], panel=titles)
    grid = sns.relplot(
        data=drawn,
        **{"x": "memory_gb", "y": "largest_hidden", "kind": "line", "col": "panel"},
        **{**style.FACETS, "facet_kws": {"sharey": True}, **style.lines(found)},
    )
    places = sorted(limits["memory_gb"].unique())
    for title, axes in grid.axes_dict.items():
        group = limits[drawn["panel"] == title]
        square = bool((group["inputs"].isna() | (group["inputs"] == group["largest_hidden"])).all())
        inputs = "N" if square else labels.span(group["inputs"], labels.whole)
        said = f"predicted, B = {labels.span(group['batch'], labels.whole)}, D = {inputs}"
        style.headed(axes, title, [said])
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: labels.count(value)))
    grid.set_axis_labels("memory (GB)", "largest hidden size N")
    style.finish(grid.figure, found.values())
    return style.Drawing(grid.figure, limits)
