"""The shape of the paper's tables: its rows, and ours under them."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pandas as pd

from analysis import labels
from analysis.reinforcement import names, paper
from analysis.reinforcement.paper import Verdict
from analysis.reinforcement.settings import rows_apart
from analysis.tables import APART, BESIDE

OURS, BY_LIFE = "ours", "ours, per life"
LIVES = (
    "Atari: our scores, and verdicts, are of full games, as the paper's text has it; its released code ends an episode "
    f'of the evaluation at every lost life. A score "{BY_LIFE}" or "per life" is the mean over all lives of that play. '
    "Which of the two the paper's numbers are cannot be told from its text and code (docs/deviations.md)."
)
# Of the rows that `wide` sets side by side; `cell` is the score as text.
FIELDS = ["Source", "Method", "M", APART, "environment", "cell", "n", "backend", "frames", "fraction", "verdict"]


def note_on_lives(settings: pd.DataFrame) -> tuple[str, ...]:
    """What has to be said where there are scores of Atari."""
    return (LIVES,) if (settings["suite"] == "atari").any() else ()


def frames_with_stem(settings: pd.DataFrame) -> pd.Series:
    """Env frames of a run, and of the training of its vision stem beforehand."""
    return settings["env_frames"] + settings.apply(paper.stem_frames, axis=1, result_type="reduce")


def paper_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Published scores as rows with FIELDS."""
    return pd.DataFrame(
        {
            "Source": table["source"],
            "Method": table["method"],
            "M": table["M"].map(labels.whole),
            APART: "",
            "environment": table["environment"],
            "cell": [labels.plus_minus(*score) for score in zip(table["score"], table["std"])],
            "n": table["seeds"],
            "backend": "",
            "frames": table["frames"],
            "fraction": np.nan,
            "verdict": None,
        }
    )


def our_rows(settings: pd.DataFrame) -> pd.DataFrame:
    """Our settings as rows with FIELDS."""
    settings = rows_apart(settings.sort_values(["unroll", "method"]), "env_steps")
    return pd.DataFrame(
        {
            "Source": OURS + settings["backend"].map(names.simulator),
            "Method": settings["method"].astype(str),
            "M": settings["unroll"].map(labels.whole),
            APART: settings["apart"],
            "environment": settings["environment"],
            "cell": [labels.plus_minus(*score) for score in zip(settings["mean"], settings["std"])],
            "n": settings["n"],
            "backend": settings["backend"],
            "frames": frames_with_stem(settings),
            "fraction": settings["budget_fraction"],
            "verdict": settings["verdict"],
        },
        columns=FIELDS,
    )


def rows_by_life(settings: pd.DataFrame) -> pd.DataFrame:
    """The settings that have lives, with a life's score in place of a game's and no verdict."""
    lives = settings[settings["life_mean"].notna()]
    return our_rows(lives.assign(mean=lives["life_mean"], std=lives["life_std"])).assign(Source=BY_LIFE, verdict=None)


def wide(rows: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """Rows with equal `keys`, and settings that differ in the same, side by side, a column for each `column`.

    Settings that collide all the same get a row each.
    """
    keys = [*keys, APART]
    rows = rows.assign(row=rows.groupby([*keys, "column"]).cumcount())
    groups = rows.groupby([*keys, "row"], sort=False)
    facts = {
        "n": groups["n"].agg(partial(labels.span, write=labels.whole)),
        "Backend": groups["backend"].agg(labels.joined),
        "Env frames": groups["frames"].agg(partial(labels.span, write=labels.count)),
        "Of the paper's": groups["fraction"].agg(partial(labels.span, write=labels.percent)),
        BESIDE: groups[["verdict", "fraction"]].apply(lambda group: _joint_verdict(**group)),
    }
    cells = rows.pivot(index=[*keys, "row"], columns="column", values="cell").reindex(columns=columns)
    frame = pd.concat([cells.reindex(facts["n"].index).fillna(labels.NOTHING), pd.DataFrame(facts)], axis="columns")
    frame = frame.reset_index().drop(columns="row")
    return frame if frame[APART].any() else frame.drop(columns=APART)


def _joint_verdict(verdict: pd.Series, fraction: pd.Series) -> str:
    """A row's verdict, or how often each kind occurs in it; the verdict on each cell is in the scores table."""
    known: list[Verdict] = [one for one in verdict if one is not None]
    if not known:
        return ""
    if len({*known}) == 1:
        return str(known[0])
    first = {Verdict(one.kind, one.reasons[:1]) for one in known}
    if len(first) == 1:
        return str(first.pop())
    kinds = Counter(one.kind for one in known)
    if set(kinds) == {"not comparable"} and (fraction < 1).all():
        return f"not comparable: budget {labels.span(fraction, labels.percent)} of the paper's"
    return "; ".join(f"{kind} ({times})" for kind, times in kinds.items())


def with_reason(frame: pd.DataFrame, reason: str) -> pd.DataFrame:
    """A last row that says why there is nothing of ours."""
    row = dict.fromkeys(frame.columns, labels.NOTHING) | {"Source": OURS, BESIDE: f"no runs: {reason}"}
    return pd.concat([frame, pd.DataFrame([row])], ignore_index=True)
