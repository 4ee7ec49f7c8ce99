"""Vision stems that were taught from the simulator's state: their rows, their table, and that they are no results."""

from __future__ import annotations

import json

import pytest

from analysis import overview
from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.stems.tables import stem_labels

RECORD = {
    **{"schema": 1, "kind": "stems", "status": "complete", "config": {"seed": 0}, "method": "state", "suite": "dmlab"},
    **{"environment": "rooms_watermaze", "backend": "rooms 0.1.0", "env_steps": 15_000, "env_frames": 60_000},
    **{
        "updates": 100,
        "wall_s": 60.0,
        "steps_per_s": 250.0,
        "parameters": 1000,
        "device": "cpu",
        "device_name": "Test",
    },
    "versions": {"python": "3.11"},
}
LABELS = [
    {"label": "what", "classes": 4, "count": 900, "accuracy": 0.98, "accuracy_constant": 0.4, "accuracy_none": 0.95},
    {"label": "heading", "unit": "degrees", "count": 800, "median_error": 5.0, "median_error_constant": 90.0},
]


@pytest.fixture
def with_stem(tree):
    """A results folder with one taught stem, which the scale lists as pre-training, and a run."""
    folder = tree.root / "runs/stems/rooms_watermaze/state/seed0"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(RECORD))
    (folder / "evaluation.json").write_text(json.dumps({"schema": 1, "labels": LABELS}))
    tree.scale(tree.level("rooms_watermaze", "rtrl", 0, real=False), lent=[folder])
    return load(tree.root)


def test_a_stem_is_no_result_and_no_problem(with_stem):
    assert (len(with_stem["runs"]), len(with_stem["pretraining"]), len(with_stem["problems"])) == (1, 0, 0)
    assert with_stem["stems"]["env_frames"].tolist() == [60_000]


def test_the_table_has_a_row_per_label_with_what_a_constant_answer_gets(with_stem):
    text = stem_labels.build(with_stem).text.set_index("Label")
    assert text.loc["what", ["Right", "Right, constant answer", "Right about nothing", "Median error"]].tolist() == [
        *("98 %", "40 %", "95 %", "–"),
    ]
    assert text.loc["heading", ["Right", "Median error", "Error, constant answer", "Unit"]].tolist() == [
        "–",
        "5.00",
        "90.0",
        "degrees",
    ]


def test_a_scale_without_stems_says_so(tree):
    with pytest.raises(NothingToShow, match="no vision stem was taught"):
        stem_labels.build(load(tree.root))


def test_stems_are_in_the_list_of_what_was_run(with_stem):
    tasks = overview.what_was_run(with_stem)["Task"].tolist()
    assert tasks == ["rooms_watermaze [rooms backend]", "rooms_watermaze [rooms backend], vision taught from the state"]
