"""Panels of training runs: their titles, with the facts that belong beside every curve."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from analysis import labels, style
from analysis.records import apart
from analysis.reinforcement import names, paper


def facts(axes: Axes, title: str, runs: pd.DataFrame) -> None:
    """Panel title, and under it n, backend, budget and pre-training (env frames) of the runs drawn there."""
    frames = f"{labels.span(runs['env_frames'], labels.count)} env frames"
    said = [f"{labels.seeds(runs.groupby('setting').size())}, {labels.joined(runs['backend'])}"]
    fractions = runs["budget_fraction"].dropna()
    if fractions.empty:
        said.append(f"{frames} a run")
    else:
        said.append(f"{frames}, under-trained:" if labels.under_trained(fractions) else f"{frames}:")
        said.append(f"{labels.span(fractions, labels.percent)} of the paper's")
    stems = [known for _, run in runs.iterrows() if (known := paper.stem_frames(run))]
    if stems:
        said.append(f"vision stem frozen after {labels.span(stems, labels.count)} frames")
        if runs["pretrained"].map(paper.taught).any():
            said[-1] += ","
            said.append("taught from the simulator's state")
    style.headed(axes, title, said)


def title(run: pd.Series, *more: str, options: str = "other_options") -> str:
    """`T-maze, 2 layers, M = 5, initial retention 20`."""
    task = names.panel(run["environment"], run["backend"], run[options])
    return ", ".join([labels.layered(task, run["layers"]), *map(style.unbroken, [f"M = {run['unroll']}", *more])])


def split(runs: pd.DataFrame, retention: bool = True) -> pd.DataFrame:
    """The runs with a panel for each set of them that are equal in all but method and seed; titles say what differs.

    A feedforward network, which retains nothing, stands in every panel of its settings. `retention`: panels differ in
    it; else it may vary within one.
    """
    made = []
    for title, panel in runs.groupby("panel", sort=False):
        sets = []
        for _, alike in panel.groupby(["design", "options"], sort=False):
            plain = alike["gradient"] == "feedforward"
            if retention and not plain.all():
                of_each = alike[~plain].groupby("retention", dropna=False, sort=False)
                sets += [pd.concat([group, alike[plain]]) for _, group in of_each]
            else:
                sets.append(alike)
        said = apart([one["config"].iloc[0] for one in sets], [] if retention else ["retention"])
        for number, (one, what) in enumerate(zip(sets, said), 1):
            same = f" ({number})" if said.count(what) > 1 else ""  # such as another version of the simulator
            made.append(one.assign(panel=labels.listed(str(title), what) + same))
    return pd.concat(made) if made else runs
