"""Table 2. Atari, DMLab keys_doors and ProcGen Chaser

Scores on five Atari games, DMLab keys_doors and ProcGen Chaser, in the form of the paper's Table 2: published rows
first, ours (source ``ours``) below. A cell is the mean ± standard deviation over training seeds. For Chaser the paper
shows learning curves (its Fig. 1) and prints no score. ``[rooms backend]`` marks scores from this project's own
version of the DMLab levels, which is not the simulator that the paper used. The last column sums up its row; the table
of scores gives the reasons cell by cell. Env frames include those that trained the vision stem beforehand.
"""

from __future__ import annotations

import pandas as pd

from analysis.load import Results
from analysis.reinforcement import beside_paper, names, paper
from analysis.reinforcement.settings import settings
from analysis.tables import Table, texts

PLACE = 2
SUITES = ("atari", "procgen")
KEYS_DOORS = "rooms_keys_doors_puzzle"


def build(results: Results) -> Table:
    """A row per method, a column per environment and M."""
    published = paper.values()[paper.values()["table"] == "table2"]
    ours = settings(results)
    ours = ours[ours["environment"].isin(published["environment"]) | ours["suite"].isin(SUITES)]
    parts = [beside_paper.paper_rows(published), beside_paper.our_rows(ours), beside_paper.rows_by_life(ours)]
    rows = pd.concat([part for part in parts if len(part)])
    rows["column"] = texts(rows, _column, "environment", "M")
    curves = [_column(name, str(m)) for name, every in paper.CURVES_ONLY.items() for m in every]
    columns = [*rows["column"][: len(published)], *curves, *rows["column"]]
    frame = beside_paper.wide(rows, ["Source", "Method"], list(dict.fromkeys(columns)))
    if ours.empty:
        frame = beside_paper.with_reason(frame, results.absence("atari"))
    keys_doors = (ours["environment"] == KEYS_DOORS).any()
    notes = () if keys_doors else (f"No row of ours for keys_doors: {results.absence('dmlab', KEYS_DOORS)}.",)
    return Table(frame, frame, (*notes, *beside_paper.note_on_lives(ours)))


def _column(environment: str, unroll: str) -> str:
    return f"{names.environment(environment)}, M={unroll}"
