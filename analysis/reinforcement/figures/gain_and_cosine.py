"""What RTRL gains, against how exact TBPTT's gradient is

A point per task, M, number of layers and initial retention: across, the mean cosine along training between TBPTT's
gradient and the exact one (full BPTT to the start of the episode); up, what RTRL gains in greedy play over TBPTT, as a
share of what the better of the two gains over random play. Filled marks: the gradient was compared in TBPTT's own runs;
hollow ones: on the rollouts of RTRL's agents (figure ``truncation``). Error bars: Welch's 95 % interval of the
difference. Above the panel: Spearman's rank correlation over the points; its p treats them as independent, which points
of one task are not. A point is drawn where RTRL or TBPTT has learned, with three seeds per method and ten comparisons
of gradients or more.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Literal

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from analysis import labels, style
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names, players, truncations
from analysis.reinforcement.comparisons import ALPHA, pairs
from analysis.reinforcement.curves import LOGGED
from analysis.stats import MINIMUM, difference, rank_correlation

PLACE = 6
COMPARED: dict[bool, tuple[Literal["full", "none"], str]] = {
    True: ("full", "compared in TBPTT's own runs"),
    False: ("none", "compared on the rollouts of RTRL's agents"),
}


def draw(results: Results) -> style.Drawing:
    """One panel."""
    runs = results["runs"]
    plain = (runs["gradient"] == "tbptt") & (runs["gradient_options"] == "{}")  # no longer window
    measured = runs[plain & (runs["gradient_points"] >= LOGGED)]
    cosines = measured.groupby("pairing")["gradient_cosine_mean"].mean()
    elsewhere = truncations.means(results)
    rows = []
    for run, (x, y) in pairs(results):
        best = max(fmean(x), fmean(y))
        own = run["pairing"] in cosines
        cosine = cosines[run["pairing"]] if own else elsewhere.get(truncations.key(run))
        if cosine is not None and min(len(x), len(y)) >= MINIMUM and players.learned(run, best):
            task = labels.layered(names.variant(run["environment"], run["options"], run["backend"]), run["layers"])
            gain = [value / (best - players.floor(run)) for value in difference(x, y)[:3]]
            name = f"{task}, M = {run['unroll']}, retention {labels.retention(run['retention'])}"
            rows.append((name, own, len(x), len(y), cosine, *gain))
    if not rows:
        raise NothingToShow("no gradient of TBPTT was compared with the exact one on a task that RTRL or TBPTT learned")
    numbers = pd.DataFrame(rows, columns=["setting", "own_runs", "n_rtrl", "n_tbptt", "cosine", "gain", "low", "high"])
    figure, axes = plt.subplots(figsize=(5.6, 3.4))
    for place, row in numbers.iterrows():
        spread = [[row["gain"] - row["low"]], [row["high"] - row["gain"]]]
        marker = style.MARKERS[int(str(place)) % len(style.MARKERS)]
        look = {"marker": marker, "ls": "", "capsize": 2, "label": row["setting"]}
        axes.errorbar(row["cosine"], row["gain"], spread, fillstyle=COMPARED[row["own_runs"]][0], **look)
    axes.axhline(0, **style.REFERENCE)
    left = (math.ceil(10 * numbers["cosine"].min()) - 1) / 10  # the next tenth below
    axes.set(xlim=(left, 1.02), xlabel="cosine of TBPTT's gradient to the exact one")
    axes.set_ylabel("gain of RTRL over TBPTT")
    figure.tight_layout()
    handles = axes.get_legend_handles_labels()[0]
    for fill, text in (COMPARED[own] for own in sorted(set(numbers["own_runs"]), reverse=True)):
        handles.append(Line2D([], [], ls="", marker="o", color=style.GREY, fillstyle=fill, label=text))
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.02, 0), ncols=1)
    return style.Drawing(figure, numbers, verdict(numbers))


def verdict(numbers: pd.DataFrame) -> str:
    """Whether the gain goes with the cosine, from four points on."""
    if len(numbers) < 4:
        return f"Too few points ({len(numbers)}) to say whether the gain goes with the cosine."
    correlation, p = rank_correlation(numbers["cosine"], numbers["gain"])
    if math.isnan(correlation):
        return f"{len(numbers)} points that all have the same cosine or the same gain: no correlation."
    said = f"{len(numbers)} points, taken as independent: rank correlation {correlation:.2f} (p {labels.compared(p)})"
    if p >= ALPHA:
        return f"{said}; whether the gain goes with the cosine cannot be told from these."
    gains = "less" if correlation < 0 else "more"
    return f"{said}; RTRL gains {gains} where TBPTT's gradient is nearer to the exact one."
