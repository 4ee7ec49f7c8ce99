"""TBPTT's gradient at several M against the exact one, on the rollouts of agents: truncation.csv of their runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.records import told_apart
from analysis.reinforcement import names, players
from analysis.reinforcement.curves import LOGGED

PARTS = {"start": 0, "middle": players.FIFTHS // 2, "end": players.FIFTHS - 1}  # of training, by fifths
SAME = "suite environment options backend memory_task layers retention".split()
SAME += "vision pretrained method trained_at setting apart random_mean random_max".split()
LINE = "task backend method trained_at env_frames retention vision pretrained setting".split()  # in figure and table
AGENT = "environment options backend method trained_at env_frames".split()  # by which figures name one
# What a comparison of scores shares.
ON = "environment options backend retention layers unroll cell hidden vision pretrained learning_rate".split()


def measured(results: Results) -> pd.DataFrame:
    """Every comparison with what is known of its run: `unroll` is the M compared, `trained_at` the run's own."""
    runs = results["measured"].rename(columns={"unroll": "trained_at"})
    runs = told_apart(runs, AGENT, ["env_steps"])
    return results["truncations"].merge(runs, on="folder", suffixes=("", "_run"))


def numbers(results: Results) -> pd.DataFrame:
    """A row per task, part of training and M: mean cosine over seeds, the lowest and the highest seed's."""
    rows = measured(results)
    if rows.empty:
        raise NothingToShow("no run compared TBPTT's gradient at several M with the exact one")
    fifth = (players.FIFTHS * rows["env_steps"] / rows["env_steps_run"]).astype(int).clip(upper=players.FIFTHS - 1)
    rows["part"] = fifth.map({number: name for name, number in PARTS.items()})
    rows["task"] = [names.variant(*row) for row in zip(rows["environment"], rows["options"])]
    keys = [*SAME, "env_frames", "task", "part", "unroll"]
    seeds = rows.dropna(subset="part").groupby([*keys, "folder", "score"], dropna=False, observed=True, sort=False)
    each = seeds[["cosine", "norm_ratio"]].mean().assign(comparisons=seeds.size()).reset_index()
    found = each.groupby(keys, dropna=False, observed=True, sort=False)
    frame = found.agg(
        **{"n": ("cosine", "size"), "cosine": ("cosine", "mean"), "low": ("cosine", "min"), "high": ("cosine", "max")},
        **{"norm_ratio": ("norm_ratio", "mean"), "score": ("score", "mean")},
        **{f"comparisons_{name}": ("comparisons", of) for name, of in (("low", "min"), ("high", "max"))},
    ).reset_index()
    frame["part"] = pd.Categorical(frame["part"], list(PARTS), ordered=True)
    return frame.sort_values([*LINE, "part", "unroll"], kind="stable", ignore_index=True)


def means(results: Results) -> pd.Series:
    """The mean cosine along training of RTRL's agents that compared LOGGED times or more, each alike, by ON."""
    rows = measured(results)
    rows = rows[rows["gradient"] == "rtrl"].assign(retention=rows["retention"].fillna(np.inf))
    agents = rows.groupby([*ON, "folder"])["cosine"].agg(["mean", "size"])
    return agents.loc[agents["size"] >= LOGGED, "mean"].groupby(ON).mean()


def key(run: pd.Series) -> tuple[object, ...]:
    """Where a run's cosine is found in `means`."""
    return tuple(run[ON].fillna(np.inf))
