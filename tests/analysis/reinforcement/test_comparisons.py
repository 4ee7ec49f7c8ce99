"""RTRL against TBPTT: which runs are compared, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.load import load
from analysis.reinforcement.comparisons import comparisons
from analysis.reinforcement.tables import verdicts


def test_comparison_at_equal_settings(tree):
    for seed in range(5):
        tree.memory("tmaze", 20, "rtrl", seed, 1.0)
        tree.memory("tmaze", 20, "tbptt", seed, 0.5 + 0.01 * seed)
        tree.memory("tmaze", 20, "tbptt_w20", seed, 1.0)
        tree.memory("tmaze", 20, "tbptt", seed, 1.0, hidden=64, retention=30.0)
    row = comparisons(load(tree.root)).iloc[0]
    assert (row["probability"], row["n_rtrl"], row["n_tbptt"], row["verdict"]) == (1.0, 5, 5, "RTRL ahead, p < 0.05")
    assert row["tbptt_iqm"] == pytest.approx(0.52)


def test_equal_methods_show_no_difference(tree):
    for seed in range(5):
        for method in ("rtrl", "tbptt"):
            tree.memory("tmaze", 3, method, seed, 1.0)
    row = comparisons(load(tree.root)).iloc[0]
    assert (row["probability"], row["low"], row["high"], row["verdict"]) == (0.5, 0.5, 0.5, "no difference seen")


def test_three_seeds_decide_nothing(tree):
    for seed in range(3):
        tree.run("atari", "breakout", "rtrl", seed, returns=[10 + seed])
        tree.run("atari", "breakout", "tbptt", seed, returns=[seed])
    assert comparisons(load(tree.root))["verdict"].tolist() == ["RTRL ahead, p < 0.05 is out of reach"]


def test_memory_tasks_are_combined_by_reach_of_a_segment(small):
    frame = comparisons(small).set_index("scope")
    short, long = frame.loc["Memory tasks, delay < M"], frame.loc["Memory tasks, delay ≥ M"]
    assert (short["tasks"], short["probability"], short["verdict"]) == (2, 0.5, "no difference seen")
    assert (long["tasks"], long["n_rtrl"], long["verdict"]) == (2, 6, "RTRL ahead, p < 0.05")


def test_a_retention_study_with_another_budget_is_not_combined_with_the_study_of_delays(tree):
    for method, success in (("rtrl", 1.0), ("tbptt", 0.5)):
        for seed in range(3):
            for delay in (10, 20):
                tree.memory("tmaze", delay, method, seed, success)
            for retention in (5.0, 80.0):
                tree.memory("tmaze", 20, method, seed, 0.5, retention=retention, env_steps=999)
    row = comparisons(load(tree.root)).set_index("scope").loc["Memory tasks, delay ≥ M"]
    assert (row["tasks"], row["probability"]) == (2, 1.0)


def test_scores_of_different_games_are_not_averaged(small):
    row = comparisons(small).set_index("scope").loc["Atari, all"]
    assert row["tasks"] == 2
    assert np.isnan(row["rtrl_iqm"])


def test_environments_of_gymnasium_are_no_benchmark_to_combine(tree):
    for seed in range(3):
        for method in ("rtrl", "tbptt"):
            tree.run("gymnasium", "gymnasium:CartPole-v1", method, seed, fraction=None)
            tree.run("gymnasium", "gymnasium:mine:Cue-v0", method, seed, fraction=None)
    assert len(comparisons(load(tree.root))) == 2


def test_a_difference_between_agents_that_have_not_learned_is_said_to_be_one(tree):
    for seed in range(5):
        tree.memory("tmaze", 20, "rtrl", seed, 0.70 + 0.01 * seed)
        tree.memory("tmaze", 20, "tbptt", seed, 0.50 + 0.01 * seed)
    assert comparisons(load(tree.root))["verdict"].tolist() == ["RTRL ahead, p < 0.05; neither has learned"]


def test_combined_tasks_have_the_span_of_their_budgets(tree):
    for seed in range(3):
        for method in ("rtrl", "tbptt"):
            tree.run("atari", "breakout", method, seed, fraction=0.1)
            tree.run("atari", "qbert", method, seed, fraction=0.02)
    results = load(tree.root)
    row = comparisons(results).iloc[0]
    assert (row["tasks"], row["budget_fraction"], row["largest_budget_fraction"]) == (2, 0.02, 0.1)
    assert verdicts.build(results).text["Of the paper's"].tolist() == ["2–10 %", "10 %", "2 %"]
