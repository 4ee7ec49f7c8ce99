"""Runs that a learning rate was chosen by are no results, and the table says what they are for."""

from __future__ import annotations

import pytest

from analysis.load import load
from analysis.sequences.tables import tuning


@pytest.fixture
def tuned(tree):
    """A result with this learning rate, and its tuning, in which 0.01 and 0.1 are the most accurate, 0.1 the faster.

    The result alone is tested further.
    """

    def run(seed, rate, accuracy=1.0, steps=1000, **more):
        place, record, more = f"tuned/rate{rate}", {"steps": steps}, {"learning_rate": rate, **more}
        return tree.sequence("copy", place, "rtrl", seed, accuracy, {"length": 5}, record, **more)

    def make(taken):
        tried = [run(100, 0.001, 0.5), run(100, 0.01), run(100, 0.1, steps=500)]
        tree.scale(run(0, taken, test_options=[{"length": 9}]), lent=tried)
        return load(tree.root)

    return make


def test_runs_of_a_tuning_are_no_results_and_stand_in_the_list_of_runs(tuned):
    results = tuned(0.1)
    assert results["sequence_runs"]["seed"].tolist() == [0]
    assert results["index"]["task"].tolist() == ["copy, length 5"] + 3 * ["copy, length 5, tuning"]


@pytest.mark.parametrize(("taken", "said"), [(0.1, "the best"), (0.01, "0.01")])
def test_the_table_names_the_best_learning_rate_and_what_the_results_have(tuned, taken, said):
    (row,) = tuning.build(tuned(taken)).text.to_dict("records")
    assert [row[rate] for rate in ("0.001", "0.01", "0.1")] == ["0.500", "1.000", "1.000"]
    assert (row["Best"], row["Results"]) == ("0.1", said)


def test_settings_that_were_tuned_apart_are_told_apart(tree):
    runs = []
    for number, retention in enumerate((None, 20.0)):
        place, more = f"tuned/retention{retention}", {"learning_rate": 0.1, "retention": retention}
        runs.append(tree.sequence("copy", place, "rtrl", 100 + number, 1.0, {"length": 5}, {"steps": 10}, **more))
    tree.scale(lent=runs)
    table = tuning.build(load(tree.root)).text
    assert sorted(table["Differs in"]) == ["retention 20", "retention as in the paper"]
