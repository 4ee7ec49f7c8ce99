"""RTRL against TBPTT

RTRL against TBPTT, in runs that differ in nothing but the gradient. P(RTRL > TBPTT) is the probability that a run
trained by RTRL scores higher than one trained by TBPTT; ties count half, and the 95 % bootstrap interval is over seeds.
The permutation test asks how often a difference at least this large would come up if the method made no difference
(two-sided). With few seeds or many ties its p cannot be small, so the smallest p that these scores could give stands
beside it; where that is 0.05 or more, p < 0.05 is out of reach. Neither is computed with fewer than three seeds per
method. Rows that combine tasks resample seeds within each task and average over tasks. The columns RTRL and TBPTT hold
the interquartile mean (IQM) of the score or success rate. A method is called ahead if the interval excludes 0.5, and p
< 0.05 is said where it holds. That judges each row alone, without correction for the number of rows; *neither has
learned* stands where the better side's mean is below the score from which agents count as having learned. The verdicts
on the claims use Welch's t test, corrected for all comparisons, and must hold in every setting, so they can differ from
those here. There, methods count as equal if the difference is small, even if one is ahead. A row that combines tasks
covers only the paper's cell, with one setting per task: of those with enough seeds, the one with the most steps.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.reinforcement.comparisons import comparisons
from analysis.tables import Table, differing, texts

PLACE = 5


def build(results: Results) -> Table:
    """A row per comparison."""
    frame = comparisons(results)
    if frame.empty:
        raise NothingToShow("no environment here was run with both RTRL and TBPTT")
    frame = told_apart(frame, ["scope", "unroll", "backend", "retention"], ["retention"])
    text = {
        "Task": frame["scope"],
        "M": frame["unroll"].astype(str),
        "Retention": frame["retention"].where(frame["memory_task"], ""),
        **differing(frame),
        "P(RTRL > TBPTT)": texts(frame, partial(labels.interval, digits=2), "probability", "low", "high"),
        "Permutation p": frame["p_value"].map(labels.p_value),
        "Smallest possible p": frame["smallest_p"].map(labels.p_value),
        "n": texts(frame, "{} + {}".format, "n_rtrl", "n_tbptt"),
        "Verdict, uncorrected": frame["verdict"],
        "RTRL": texts(frame, labels.interval, "rtrl_iqm", "rtrl_low", "rtrl_high"),
        "TBPTT": texts(frame, labels.interval, "tbptt_iqm", "tbptt_low", "tbptt_high"),
        "Backend": frame["backend"],
        "Of the paper's": texts(
            frame, lambda *ends: labels.span(ends, labels.percent), "budget_fraction", "largest_budget_fraction"
        ),
    }
    return Table(frame.drop(columns=["memory_task", "config"]), pd.DataFrame(text))
