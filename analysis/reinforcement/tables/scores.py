"""Scores of every setting beside the paper's

Every game setting that was run, beside the paper's score where it prints one. A run's score is the mean return of its
evaluation episodes. Ours is the mean ± standard deviation over n training seeds. IQM is the interquartile mean: the
mean without the lowest and the highest quarter of the scores, with a 95 % bootstrap interval over seeds. With fewer
than four seeds it is the plain mean, and with three its interval is rough. Beside the paper: "not comparable" if the
budget, the simulator or a setting differs from the paper's; otherwise whether the paper's mean lies inside our
interval. Scores from ``[rooms backend]``, this project's own version of the DMLab levels, are never compared with
published ones. Env frames include those that trained the vision stem beforehand; the share of the paper's budget does
not. Episodes cut: evaluation episodes that ``evaluation.max_steps`` ended.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis import labels
from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.reinforcement import names, paper
from analysis.reinforcement.beside_paper import frames_with_stem, note_on_lives
from analysis.reinforcement.settings import rows_apart, settings
from analysis.tables import BESIDE, Table, differing, texts

PLACE = 3


def build(results: Results) -> Table:
    """Every setting but the memory study's, with the paper's value beside ours."""
    ours = settings(results)
    ours = ours[~ours["memory_task"]].drop(columns="memory_task")
    if ours.empty:
        raise NothingToShow("no finished runs of these environments")
    ours = rows_apart(ours, "env_steps")
    rows = [paper.published(setting) for _, setting in ours.iterrows()]
    frame = ours.assign(
        paper_score=[np.nan if row is None else row["score"] for row in rows],
        paper_std=[np.nan if row is None else row["std"] for row in rows],
        human_normalised=[paper.human_normalised(setting) for _, setting in ours.iterrows()],
        verdict=ours["verdict"].astype(str),
        env_frames=frames_with_stem(ours),
    )
    text = pd.DataFrame(
        {
            "Environment": texts(frame, names.variant, "environment", "options", "backend"),
            "Method": frame["method"],
            "M": frame["unroll"].astype(str),
            "Ours": texts(frame, labels.plus_minus, "mean", "std"),
            "IQM [95 % interval]": texts(frame, labels.interval, "iqm", "low", "high"),
            "Paper": texts(frame, labels.plus_minus, "paper_score", "paper_std"),
            **differing(frame),
            BESIDE: frame["verdict"],
            "n": frame["n"].astype(str),
            "Backend": frame["backend"],
            "Env frames": frame["env_frames"].map(labels.count),
            "Of the paper's": frame["budget_fraction"].map(labels.percent),
            "Episodes cut": texts(frame, "{} of {}".format, "evaluation_truncated", "evaluation_episodes"),
        }
    )
    notes = note_on_lives(ours)
    if frame["human_normalised"].notna().any():
        text.insert(5, "Human-normalised", frame["human_normalised"].map(labels.normalised))
        notes += ("Human-normalised: 0 % is a random policy's score, 100 % a human's.",)
    if frame["life_mean"].notna().any():
        text.insert(4, "Per life", texts(frame, labels.plus_minus, "life_mean", "life_std"))
    return Table(frame, text, notes)
