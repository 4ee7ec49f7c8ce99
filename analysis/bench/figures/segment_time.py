"""Time of a segment against its length

Forward pass and gradient of one segment of the eLSTM's recurrence against the steps in it, for 32 slots, on each
machine that was measured. The floor is the sensitivities read and written once and four matrix products, at rates
measured on the same machine. "One graph" is a segment that is launched as a whole. Both axes are logarithmic.
"""

from __future__ import annotations

import seaborn as sns
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis import labels, methods, style
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results

SLOTS = 32
RTRL, TBPTT = methods.Method("rtrl"), methods.Method("tbptt")
# By what was timed: its label, colour, line and mark; our methods look as they do everywhere.
LOOKS: dict[str, methods.Look | methods.Method] = {
    "rtrl_s": RTRL,
    "tbptt_s": TBPTT,
    "graph_s": methods.Look(f"{RTRL.label}, one graph", RTRL.colour, "D", (1, 1)),
    "autograd_s": methods.Look("TBPTT, step by step under autograd", "#A6761D", "X", (4, 1.5)),
    "lstm_s": methods.Look("torch's LSTM", "#3A7D7C", "p", (5, 1)),
    "floor_s": methods.Look("floor", style.GREY, ".", (1, 2)),
}


def draw(results: Results) -> style.Drawing:
    """A row of panels for each machine, one for each N."""
    rows = results["bench_segments"]
    rows = rows[(rows["batch"] == SLOTS) & (rows["loss"] != "last step")]
    if rows.empty:
        raise NothingToShow(NOT_MEASURED)
    graphs = rows["graph"].eq(True)
    rows = rows.assign(graph_s=rows["rtrl_s"].where(graphs))
    rows.loc[graphs, [key for key in LOOKS if key != "graph_s"]] = None
    sizes = ["device_name", "hidden", "unroll"]
    times = rows.melt(sizes, list(LOOKS), "what", "seconds").dropna(subset="seconds")
    numbers = times.assign(what=times["what"].map(lambda key: LOOKS[key].label))
    grid = sns.relplot(
        data=times.assign(ms=1e3 * times["seconds"].astype(float)),
        **{"x": "unroll", "y": "ms", "kind": "line", "row": "device_name", "col": "hidden"},
        **{**style.FACETS, **style.lines(LOOKS, by="what"), "facet_kws": {"sharey": "row"}},
    )
    for (device, hidden), axes in grid.axes_dict.items():
        style.headed(
            axes, f"N = {hidden:g}", [f"{device}, B = {SLOTS}, D = {labels.span(rows['inputs'], labels.whole)}"]
        )
        places = sorted(times["unroll"].unique())
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    grid.set_axis_labels("steps in a segment, M", "ms a segment")
    drawn = [LOOKS[key] for key in LOOKS if (times["what"] == key).any()]
    style.finish(grid.figure, drawn)
    return style.Drawing(grid.figure, numbers)
