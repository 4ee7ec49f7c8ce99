"""Training return of the runs that a benchmark makes

For the time that the benchmark was given: mean return of the training episodes that ended in a log interval, against
environment frames. One seed each, and a budget of steps that the machine's speed decides, so that this shows that and
how fast a machine learns, and compares no methods.
"""

from __future__ import annotations

import seaborn as sns
from matplotlib.ticker import EngFormatter

from analysis import labels, methods, style
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results

LOGGED = 10  # points of a curve, at least


def draw(results: Results) -> style.Drawing:
    """A panel for each benchmark."""
    curves = results["bench_curves"]
    curves = curves.groupby(["folder", "name"]).filter(lambda curve: len(curve) >= LOGGED)
    if curves.empty:
        raise NothingToShow(NOT_MEASURED if results["bench_curves"].empty else f"fewer than {LOGGED} logged points")
    telling = curves.assign(cell="elstm", window=float("nan"), layers=1)
    found = methods.methods(telling)
    drawn = curves.assign(method=methods.named(telling)["method"])
    grid = sns.relplot(
        data=drawn,
        **{"x": "env_frames", "y": "return", "kind": "line", "col": "folder", "estimator": None},
        **{**style.FACETS, "aspect": 1.3, **style.lines(found, marked=False)},
    )
    for folder, axes in grid.axes_dict.items():
        here = drawn[drawn["folder"] == folder]
        seconds = here.groupby("name")["wall_s"].max()
        said = [f"{here['device_name'].iloc[0]}, M = {labels.span(here['unroll'], labels.whole)}, one seed each"]
        said.append(f"{labels.span(seconds, labels.duration)} of training")
        style.headed(axes, labels.joined(here["environment"]), said)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    grid.set_axis_labels("environment frames", "training return")
    style.finish(grid.figure, found.values(), marked=False)
    return style.Drawing(grid.figure, drawn[["device_name", "name", "method", "env_frames", "return"]])
