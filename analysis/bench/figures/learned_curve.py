"""Training return of the runs that a benchmark makes

For the time that the benchmark was given: mean return of training episodes over a twentieth of the run, against
environment frames. One seed each, and a budget of steps that the machine's speed decides: the figure shows whether and
how fast training progresses on a machine, and does not compare methods.
"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.ticker import EngFormatter

from analysis import labels, methods, style
from analysis.bench.load import NOT_MEASURED
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement.curves import LOGGED, smoothed


def draw(results: Results) -> style.Drawing:
    """A panel for each benchmark."""
    every = results["bench_curves"]
    parts = [_smoothed(curve) for _, curve in every.groupby(["folder", "name"], sort=False)]
    parts = [part for part in parts if len(part) >= LOGGED]
    if not parts:
        raise NothingToShow(NOT_MEASURED if every.empty else f"fewer than {LOGGED} logged points with an episode's end")
    telling = pd.concat(parts)
    found, drawn = methods.methods(telling), methods.named(telling)
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


def _smoothed(curve: pd.DataFrame) -> pd.DataFrame:
    """The rows of a curve with its smoothed `return`, from the first episode's end on."""
    return curve.assign(**{"return": smoothed(curve)["y"]}).dropna(subset="return")
