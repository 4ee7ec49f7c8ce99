"""What the figures of the recall task say above themselves."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.sequences import recall
from analysis.sequences.figures import cells, horizon


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_the_cells_figure_counts_the_cells_that_learn_by_each_method(tree):
    for seed in range(3):
        for cell, method, accuracy in (
            ("elstm", "rtrl", 1.0),
            ("lru", "rtrl", 0.8),
            ("elstm", "tbptt", 0.5),
            ("lru", "tbptt", 0.9),
        ):
            tree.recall(cell, method, seed, accuracy)
    tree.recall("sru", "rtrl", 0, 1.0)  # too few seeds to say that it learns
    drawing = cells.draw(load(tree.root))
    assert drawing.note == (
        "delay 10, M = 5, retention 20 (beyond the segment), cells that learn, of 3: 1 by TBPTT (LRU), 2 by RTRL."
    )
    assert drawing.numbers.set_index(["cell", "gradient"])["success"]["lru", "tbptt"] == pytest.approx(0.9)


def test_two_seeds_are_no_verdict_on_cells(tree):
    for seed in range(2):
        tree.recall("elstm", "rtrl", seed, 1.0)
    assert cells.draw(load(tree.root)).note == "delay 10, M = 5, retention 20: fewer than 3 seeds, no verdict."


def test_long_names_of_methods_have_room_below_the_map(tree):
    settings = {"cell": "elstm", "unroll": 5, "retention": 20.0, "gradient_options": {"share_that_is_kept": 0.5}}
    tree.recall("elstm", "rtrl", 0, 1.0)
    tree.sequence("recall", "long", "rtrl_with_a_long_name", 0, 0.5, {"delay": 10}, {}, **settings)
    cells.draw(load(tree.root))


def test_the_horizon_ends_at_the_first_multiple_that_is_not_learned(tree):
    for seed in range(3):
        tree.recall("elstm", "rtrl", seed, 1.0, {20: 0.9, 50: 0.6, 100: 0.8})
        tree.recall("sru", "rtrl", seed, 1.0, {20: 0.9, 50: 0.9, 100: 0.6})
        tree.recall("gru", "rtrl", seed, 0.6, {20: 0.9, 50: 0.9, 100: 0.9})
    drawing = horizon.draw(load(tree.root))
    assert drawing.note == (
        "RTRL, M = 5, delay 10, retention 20: of the 2 cells that learned, the median reaches ×3.5, the best (SRU) ×5."
    )
    assert sorted(drawing.numbers["multiple"].unique()) == [1, 2, 5, 10]


def test_without_a_test_at_another_delay_the_horizon_has_nothing_to_show(tree):
    tree.recall("elstm", "rtrl", 0, 1.0)
    with pytest.raises(NothingToShow, match="tested at another delay"):
        horizon.draw(load(tree.root))


def test_seeds_of_another_learning_rate_are_no_seeds_of_the_same_setting(tree):
    for seed in range(3):
        tree.recall("elstm", "rtrl", seed, 1.0)
        settings = {"cell": "elstm", "unroll": 5, "retention": 20.0, "learning_rate": 0.1}
        tree.sequence("recall", "fast", "rtrl", seed, 0.5, {"delay": 10}, {}, **settings)
    numbers = cells.draw(load(tree.root)).numbers
    assert numbers.set_index("apart")["success"].to_dict() == {"learning_rate 3e-05": 1.0, "learning_rate 0.1": 0.5}
    assert all(panel.endswith(apart) for panel, apart in zip(numbers["panel"], numbers["apart"]))


def test_methods_with_other_settings_side_by_side_are_said_to_be_unlike(tree):
    for seed in range(3):
        tree.recall("elstm", "rtrl", seed, 1.0)
        settings = {"cell": "elstm", "unroll": 5, "retention": 20.0, "learning_rate": 0.1}
        tree.sequence("recall", "cells", "tbptt", seed, 0.5, {"delay": 10}, {}, **settings)
    (axes,) = cells.draw(load(tree.root)).figure.axes
    assert any("unlike in learning_rate" in text.get_text() for text in axes.texts)


def test_a_test_at_the_trained_delay_is_no_further_seed_and_shorter_ones_do_not_bound_the_horizon(tree):
    for seed in range(3):
        tree.recall("elstm", "rtrl", seed, 1.0, {5: 0.5, 10: 1.0, 20: 0.9})
    drawing = horizon.draw(load(tree.root))
    assert set(drawing.numbers["n"]) == {3}
    assert "the one cell that learned (eLSTM) reaches ×2." in drawing.note


@pytest.fixture
def success(tree):
    """The figure of cells, where three have a seed for each of these scores at this delay and M = 5."""

    def make(*scores, delay=10):
        for seed, score in enumerate(scores):
            for cell in ("elstm", "lru", "sru"):
                tree.sequence("recall", cell, "rtrl", seed, score, {"delay": delay}, {}, cell=cell, unroll=5)
        return cells.draw(load(tree.root))

    return make


def test_success_is_the_mean_over_seeds_in_the_numbers_and_on_the_map(success):
    drawing = success(0.5, 0.9, 0.91)
    assert drawing.numbers["success"].tolist() == pytest.approx([0.77] * 3)
    assert [text.get_text() for text in drawing.figure.axes[0].texts[:3]] == ["0.77"] * 3


def test_runs_of_the_papers_initialisation_are_shown_by_that_name(success):
    assert success(0.9, 0.9, 0.9).note.startswith("delay 10, M = 5, paper's initialisation (")


@pytest.mark.parametrize(("delay", "where"), [(4, "within"), (5, "beyond")])
def test_a_delay_of_the_segments_length_is_beyond_it(success, delay, where):
    assert f"({where} the segment)" in success(0.9, 0.9, 0.9, delay=delay).note


@pytest.mark.parametrize(("retention", "said"), [(float("nan"), "paper's initialisation"), (20.0, "retention 20")])
def test_an_initialisation_is_named(retention, said):
    assert recall.initialisation(retention) == said
