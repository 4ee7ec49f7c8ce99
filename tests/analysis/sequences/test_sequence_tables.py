"""What a row of the table of sequence tasks says of seeds that differ."""

from __future__ import annotations

import pytest

from analysis.load import load
from analysis.sequences.tables import sequence_tasks


def test_a_row_has_the_mean_accuracy_and_the_median_steps_of_those_that_solved(tree):
    for seed, (accuracy, reached) in enumerate([(0.4, None), (1.0, 100), (1.0, 200), (1.0, 900)]):
        tree.copy_task(50, "rtrl", seed, accuracy, reached)
    table = sequence_tasks.build(load(tree.root))
    (row,) = table.numbers.to_dict("records")
    assert row["accuracy_mean"] == pytest.approx(0.85)
    assert row["steps_to_solve_median"] == 200
    (said,) = table.text.to_dict("records")
    assert (said["Accuracy"], said["Steps to solve"], said["Solved"]) == ("0.850 ± 0.300", "200", "3 of 4")


def test_rows_that_look_alike_say_in_what_they_differ(tree):
    for size in (100, 200):
        tree.sequence("copy", f"size{size}", "rtrl", 0, 1.0, {"length": 5}, {}, train_size=size)
    text = sequence_tasks.build(load(tree.root)).text
    assert sorted(text["Differs in"]) == ["train_size 100", "train_size 200"]


def test_a_curriculum_has_a_column_where_a_run_had_one(tree):
    tree.sequence("copy", "without", "rtrl", 0, 1.0, {"length": 5}, {})
    assert "Curriculum" not in sequence_tasks.build(load(tree.root)).text
    tree.sequence("copy", "with", "rtrl", 0, 1.0, {"length": 5}, {}, curriculum=0.9)
    text = sequence_tasks.build(load(tree.root)).text
    assert sorted(text["Curriculum"]) == ["90%", "none"]
    assert "Differs in" not in text


def test_a_record_that_is_older_than_a_key_is_of_the_setting_that_asks_for_nothing(tree):
    tree.sequence("copy", "older", "rtrl", 0, 1.0, {"length": 5}, {})
    tree.sequence("copy", "newer", "rtrl", 1, 1.0, {"length": 5}, {}, curriculum=None)
    text = sequence_tasks.build(load(tree.root)).text
    assert list(text["n"]) == ["2"]
    tree.sequence("copy", "other", "rtrl", 0, 1.0, {"length": 5}, {}, curriculum=None, train_size=7)
    assert sorted(sequence_tasks.build(load(tree.root)).text["Differs in"]) == ["", "train_size 7"]
