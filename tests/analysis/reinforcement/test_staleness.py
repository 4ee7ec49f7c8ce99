"""The figure of RTRL's stale gradient: what is a seed of what, and its legend."""

from __future__ import annotations

import pytest
from results_tree import CONFIG

from analysis.load import load
from analysis.reinforcement.figures import staleness


def measured(tree, seed, rate, unroll, **more):
    """A run of RTRL on the T-maze, its gradient compared ten times."""
    quality = {"points": 10, "norm_ratio_mean": 1.0, "cosine_mean": 1 - rate, "cosine_min": 0.9}
    record = {"gradient_quality": {**quality, "cosine_lowest_mean": 1 - rate}}
    optimiser = {**CONFIG["optimiser"], "learning_rate": rate}
    folder = tree.memory("tmaze", 10, "rtrl", seed, 1.0, record=record, optimiser=optimiser, unroll=unroll, **more)
    (folder / "gradient.csv").write_text("env_steps,update,cosine,cosine_lowest,norm_ratio\n0,0,0.9,0.9,1\n")


def test_runs_of_another_size_or_retention_have_panels_and_those_of_another_cell_are_left_out(tree):
    for seed, more in enumerate([{}, {"hidden": 64}, {"retention": None}, {"cell": "lru"}]):
        for number, rate in enumerate((0.001, 0.01)):
            measured(tree, 10 * seed + number, rate, 5, **more)
    figure, data, said = staleness.draw(load(tree.root))
    assert sorted(" ".join(axes.get_title().split()) for axes in figure.axes[::2]) == [
        "T-maze, delay 10, hidden 256, retention 20",
        "T-maze, delay 10, hidden 256, retention as in the paper",
        "T-maze, delay 10, hidden 64, retention 20",
    ]
    assert data["n"].tolist() == [1] * 6
    assert data["apart"].nunique() == 3
    assert said.count("stalest at learning rate 0.01") == 3


def test_the_legend_has_every_m_of_every_panel(tree):
    for seed, (rate, unroll) in enumerate([(0.001, 2), (0.01, 2)]):
        measured(tree, seed, rate, unroll)
    for seed, (rate, unroll) in enumerate([(0.001, 20), (0.01, 20)]):
        measured(tree, seed, rate, unroll, hidden=64)
    legend = staleness.draw(load(tree.root)).figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["M = 2", "M = 20", "chance"]


def test_without_several_learning_rates_there_is_nothing_to_show(tree):
    measured(tree, 0, 0.001, 2)
    with pytest.raises(staleness.NothingToShow, match="more than one learning rate"):
        staleness.draw(load(tree.root))
