"""Tables 1 and 2 in the paper's shape with our rows under the paper's, and every score beside the paper's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis import labels
from analysis.summary import CURVES_ONLY, human_normalised, paper_values, pretraining, published, verdict
from analysis.table import Table, texts

OURS, BY_LIFE = "ours", "ours, per life"
TABLE2_SUITES = ("atari", "procgen")

LIVES = (
    "Atari: our scores, and verdicts, are of full games, as the paper's text has it; its released code ends an episode "
    f'of the evaluation at every lost life. A score "{BY_LIFE}" is the mean over all lives of the same play. '
    "Which of the two the paper's numbers are cannot be told from its text and code (docs/deviations.md)."
)

Absence = Callable[[str], str]  # why a suite has no rows


def table1(settings: pd.DataFrame, absence: Absence) -> Table:
    """DMLab: a row per system, method and M, a column per environment."""
    values = paper_values()
    paper = values[values["table"] == "table1"]
    ours = settings[settings["environment"].isin(paper["environment"])]
    records = [*_paper_records(paper), *_our_records(ours, values)]
    for record in records:
        record["column"] = labels.environment(record["environment"])
    columns = [labels.environment(name) for name in paper["environment"].unique()]
    frame = _wide(records, ["Source", "Method", "M"], columns)
    if ours.empty:
        frame.loc[len(frame)] = _absent(frame, absence("dmlab"))
    return Table("table1", "Table 1. DMLab memory tasks", frame, frame)


def table2(settings: pd.DataFrame, absence: Absence) -> Table:
    """Atari, keys_doors and ProcGen: a row per method, a column per environment and M."""
    values = paper_values()
    paper = values[values["table"] == "table2"]
    chosen = settings["environment"].isin(paper["environment"]) | settings["suite"].isin(TABLE2_SUITES)
    ours = settings[chosen]
    records = [*_paper_records(paper), *_our_records(ours, values), *_records_by_life(ours)]
    for record in records:
        record["column"] = _environment_and_unroll(record["environment"], record["M"])
    columns = [_environment_and_unroll(row["environment"], f"{row['M']:.0f}") for _, row in paper.iterrows()]
    columns += [_environment_and_unroll(name, str(m)) for name, every in CURVES_ONLY.items() for m in every]
    columns = list(dict.fromkeys([*columns, *(r["column"] for r in records)]))
    frame = _wide(records, ["Source", "Method"], columns)
    notes = []
    if ours.empty:
        frame.loc[len(frame)] = _absent(frame, absence("atari"))
    if not (ours["suite"] == "dmlab").any():
        notes.append(f"No row of ours for keys_doors: {absence('dmlab')}.")
    notes += _note_on_lives(ours)
    return Table("table2", "Table 2. Atari, DMLab keys_doors and ProcGen Chaser", frame, frame, tuple(notes))


def scores(settings: pd.DataFrame) -> Table:
    """Every setting but the memory study's, with the paper's value beside ours and the verdict in full."""
    title = "Scores of every setting beside the paper's"
    ours = settings[~settings["memory_task"]].drop(columns="memory_task").reset_index(drop=True)
    if ours.empty:
        return Table.empty("scores", title, "no runs of this kind")
    values = paper_values()
    rows = [published(setting, values) for _, setting in ours.iterrows()]
    frame = ours.assign(
        paper_score=[np.nan if row is None else row["score"] for row in rows],
        paper_std=[np.nan if row is None else row["std"] for row in rows],
        human_normalised=[human_normalised(setting, values) for _, setting in ours.iterrows()],
        verdict=[verdict(setting, values) for _, setting in ours.iterrows()],
    )
    display = pd.DataFrame(
        {
            "Environment": texts(frame, labels.variant, "environment", "options", "backend"),
            "Method": frame["method"].map(labels.method),
            "M": frame["unroll"].astype(str),
            "Ours": texts(frame, labels.plus_minus, "mean", "std"),
            "IQM [95 % interval]": texts(frame, labels.interval, "iqm", "low", "high"),
            "Paper": texts(frame, labels.plus_minus, "paper_score", "paper_std"),
            "Verdict": frame["verdict"],
            "n": frame["n"].astype(str),
            "Backend": frame["backend"],
            "Env frames": frame["env_frames"].map(labels.count),
            "Of the paper's": frame["budget_fraction"].map(labels.percent),
            "Episodes cut": texts(frame, "{} of {}".format, "evaluation_truncated", "evaluation_episodes"),
        }
    )
    if frame["human_normalised"].notna().any():
        display.insert(5, "Human-normalised", frame["human_normalised"].map(labels.normalised))
    if frame["life_mean"].notna().any():
        display.insert(4, "Per life", texts(frame, labels.plus_minus, "life_mean", "life_std"))
    return Table("scores", title, frame, display, tuple(_note_on_lives(ours)))


def _note_on_lives(settings: pd.DataFrame) -> list[str]:
    return [LIVES] if (settings["suite"] == "atari").any() else []


def _environment_and_unroll(environment: str, unroll: str) -> str:
    return f"{labels.environment(environment)}, M={unroll}"


def _paper_records(paper: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "Source": row["source"],
            "Method": row["method"],
            "M": f"{row['M']:.0f}" if np.isfinite(row["M"]) else labels.NOTHING,
            "environment": row["environment"],
            "cell": labels.plus_minus(row["score"], row["std"]),
            "n": row["seeds"],
            "backend": "",
            "frames": row["frames"],
            "fraction": np.nan,
            "verdict": "",
        }
        for _, row in paper.iterrows()
    ]


def _records_by_life(settings: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows that have lives, with a life's score in place of a game's and no verdict."""
    with_lives = settings[settings["life_mean"].notna()].reset_index(drop=True)
    by_life = with_lives.assign(mean=with_lives["life_mean"], std=with_lives["life_std"])
    records = _our_records(by_life, paper_values())
    return [{**record, "Source": BY_LIFE, "verdict": ""} for record in records]


def _our_records(settings: pd.DataFrame, values: pd.DataFrame) -> list[dict[str, Any]]:
    ordered = settings.assign(order=settings["method"].map(labels.method_order)).sort_values(["unroll", "order"])
    return [
        {
            "Source": OURS + labels.simulator(row["backend"]),
            "Method": labels.method(row["method"]),
            "M": str(row["unroll"]),
            "environment": row["environment"],
            "cell": labels.plus_minus(row["mean"], row["std"]),
            "n": row["n"],
            "backend": row["backend"],
            "frames": row["env_frames"] + (pretraining(row) or {"env_frames": 0})["env_frames"],
            "fraction": row["budget_fraction"],
            "verdict": verdict(row, values),
        }
        for _, row in ordered.iterrows()
    ]


def _wide(records: list[dict[str, Any]], keys: list[str], columns: list[str]) -> pd.DataFrame:
    """Records with equal `keys` side by side, one table column per `column`; settings that collide get a row each."""
    frame = pd.DataFrame(records)
    frame["repeat"] = frame.groupby([*keys, "column"]).cumcount()
    rows = []
    for key, group in frame.groupby([*keys, "repeat"], sort=False):
        cells = dict(zip(group["column"], group["cell"]))
        rows.append(
            {
                **dict(zip(keys, key)),
                **{column: cells.get(column, labels.NOTHING) for column in columns},
                "n": labels.span(group["n"], "{:.0f}".format),
                "Backend": labels.joined(group["backend"]),
                "Env frames": labels.span(group["frames"], labels.count),
                "Of the paper's": labels.span(group["fraction"], labels.percent),
                "Verdict": _joint_verdict(group["verdict"], group["fraction"]),
            }
        )
    return pd.DataFrame(rows)


def _joint_verdict(verdicts: pd.Series, fractions: pd.Series) -> str:
    """A row's verdict, or how often each kind occurs in it; the verdict on each cell is in the scores table."""
    if verdicts.nunique() == 1:
        return str(verdicts.iloc[0])
    first = {text.split(";")[0] for text in verdicts}
    if len(first) == 1:
        return first.pop()
    kinds = Counter(text.split(":")[0] for text in verdicts if text)
    if set(kinds) == {"not comparable"} and (fractions < 1).all():
        return f"not comparable: budget {labels.span(fractions, labels.percent)} of the paper's"
    return "; ".join(f"{kind} ({times})" for kind, times in kinds.items())


def _absent(frame: pd.DataFrame, reason: str) -> list[str]:
    """A last row that says why there is nothing of ours."""
    texts = dict.fromkeys(frame.columns, labels.NOTHING)
    return list((texts | {"Source": OURS, "Verdict": f"no runs: {reason}"}).values())
