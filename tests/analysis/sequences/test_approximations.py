"""The figure of dense cells trained by exact RTRL and by what is cheaper."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from analysis import methods
from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.sequences.figures import approximations, cells

FOUND = {"rtrl_dense": (1.0, 0.9, 2.0), "snap": (0.8, 0.5, 1.0), "tbptt": (0.5, 0.7, 0.5)}  # accuracy, cosine, seconds


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def study(tree):
    """Runs of these methods with three seeds, each slower by a second than the one before; `scores` by method."""

    def make(*found, retention=20.0, **scores):
        for method in found:
            accuracy, cosine, wall_s = FOUND[method]
            quality = {"points": 10, "cosine_mean": cosine, "cosine_min": 0.0}
            quality |= {"cosine_lowest_mean": cosine, "norm_ratio_mean": 1.0}
            record = {"steps": 500, "carried_bytes": 2048, "gradient_quality": quality}
            settings = {"cell": "lstm", "unroll": 5, "retention": retention, "gradient_quality": 10, "window": None}
            for seed, score in enumerate(scores.get(method, (accuracy - 0.1, accuracy, accuracy + 0.1))):
                record["wall_s"] = wall_s + seed
                folder = tree.sequence("recall", "dense", method, seed, score, {"delay": 20}, record, **settings)
                (folder / "gradient.csv").write_text("steps,cosine\n50,0.5\n")
        return load(tree.root)

    return make


def test_the_figure_has_mean_range_time_bytes_and_cosine_of_each_method(study):
    drawing = approximations.draw(study(*FOUND))
    row = drawing.numbers.set_index("gradient").loc["snap"]
    assert row[["accuracy", "low", "high", "step_ms", "carried_kib", "cosine"]].tolist() == pytest.approx(
        [0.8, 0.7, 0.9, 2.0, 2.0, 0.5]
    )
    assert drawing.note == (
        "LSTM, recall, delay 20, mean accuracy (and steps): dense RTRL 1.00 (500), SnAp 0.80 (500), TBPTT 0.50 (500); "
        "rank correlation of accuracy and cosine over 3 methods 0.50."
    )


def test_the_sentence_names_options_and_counts_methods_whose_cosine_is_known(study, tree):
    study(*FOUND)
    for seed in range(3):
        settings = {"cell": "lstm", "unroll": 5, "retention": 20.0, "window": None}
        settings["gradient_options"] = {"order": 2}
        tree.sequence("recall", "second", "snap", seed, 0.9, {"delay": 20}, {"steps": 500}, **settings)
    note = approximations.draw(load(tree.root)).note
    assert "SnAp (order 2) 0.90 (500), SnAp 0.80 (500)" in note
    assert note.endswith("over 3 methods 0.50.")


def test_dense_cells_stand_in_no_figure_of_element_wise_ones(study):
    with pytest.raises(NothingToShow, match="element-wise cells, but 9 of dense ones"):
        cells.draw(study(*FOUND))


def test_another_learning_rate_is_another_point(study, tree):
    study("rtrl_dense", "snap")
    for seed in range(3):
        record, settings = (
            {"wall_s": 1.0, "steps": 500},
            {"cell": "lstm", "unroll": 5, "retention": 20.0, "window": None},
        )
        settings |= {"learning_rate": 0.1, "gradient_quality": 10}
        tree.sequence("recall", "fast", "snap", seed, 0.6, {"delay": 20}, record, **settings)
    points = approximations.points(load(tree.root)["sequence_runs"])
    assert points["n"].tolist() == [3, 3, 3]
    assert points.loc[points["gradient"] == "snap", "apart"].tolist() == ["learning_rate 3e-05", "learning_rate 0.1"]


def test_without_exact_rtrl_there_is_nothing_to_compare_with(study):
    with pytest.raises(NothingToShow, match="no dense cell"):
        approximations.draw(study("snap", "tbptt"))


def test_seeds_of_one_accuracy_whose_mean_is_rounded_upwards_are_drawn(study):
    drawing = approximations.draw(study("rtrl_dense", rtrl_dense=[0.8] * 3))
    assert drawing.numbers["accuracy"].item() > 0.8


def test_accuracy_is_the_mean_over_seeds(study):
    drawing = approximations.draw(study("rtrl_dense", rtrl_dense=[0.1, 0.9, 0.95]))
    assert drawing.numbers["accuracy"].item() == pytest.approx(0.65)


def test_runs_of_the_papers_initialisation_are_shown_as_well(study):
    assert len(approximations.draw(study(*FOUND, retention=None)).numbers) == 3


def test_every_mark_has_the_colour_of_its_method(study):
    axes = approximations.draw(study(*FOUND)).figure.axes[2]
    colours = {round(bars.lines[0].get_xdata()[0], 6): bars.lines[0].get_color() for bars in axes.containers}
    assert colours == {cosine: methods.Method(method, "lstm").colour for method, (_, cosine, _) in FOUND.items()}
