"""When agents have learned: by their score beside reference players', and by their learning curves."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.reinforcement import players

CHASER = pd.Series(
    {
        **{"environment": "chaser", "backend": "procgen-mirror 0.10.7", "memory_task": False},
        **{"suite": "procgen", "options": "{}"},
        **dict.fromkeys(("random_mean", "random_max"), math.nan),
    }
)


def measured(mean, best):
    """A run of an environment in which random play got this."""
    given = {"random_mean": mean, "random_max": best, "environment": "gymnasium:Mine-v0"}
    return pd.concat([CHASER.drop([*given]), pd.Series(given)])


def curve(returns, episodes=1, folder="a"):
    """A learning curve with these returns at equal distances."""
    frames = range(100, 100 * (len(returns) + 1), 100)
    return pd.DataFrame(
        {"folder": folder, "env_frames": frames, "episodes": episodes, "episode_return_mean": np.array(returns, float)}
    )


def test_a_reference_score_is_of_the_same_simulator_in_whatever_version():
    assert players.score("chaser", "procgen-mirror 0.11.0", "random") == 0.642
    assert math.isnan(players.score("chaser", "procgen 0.10.7", "random"))
    assert math.isnan(players.score("chaser", "procgen-mirror 0.10.7", "oracle"))


@pytest.mark.parametrize(
    ("changes", "floor", "threshold"),
    [
        ({}, 0.642, 3 * 0.642),
        ({"environment": "rooms_select_nonmatching_object", "backend": "rooms 0.1.0"}, 0.939, 33.0),
        ({"environment": "rooms_watermaze", "backend": "rooms 0.1.0"}, 0.974, 3 * 0.974),
        ({"environment": "tmaze", "memory_task": True}, 0.5, 0.75),
        ({"environment": "mine"}, math.nan, math.nan),
        ({"options": '{"distribution_mode": "hard"}'}, 0.642, 3 * 0.642),
        ({"options": '{"distribution_mode": "easy"}'}, math.nan, math.nan),  # the players played on hard levels
        (
            {"environment": "rooms_select_nonmatching_object", "backend": "rooms 0.1.0", "options": '{"a": 1}'},
            *[math.nan] * 2,
        ),
        ({"environment": "tmaze", "memory_task": True, "options": '{"delay": 20}'}, 0.5, 0.75),
    ],
)
def test_learned_begins_at_three_times_random_half_the_oracle_or_halfway_to_perfect(changes, floor, threshold):
    run = pd.concat([CHASER.drop([*changes]), pd.Series(changes, dtype=object)])
    assert players.floor(run) == pytest.approx(floor, nan_ok=True)
    assert players.threshold(run) == pytest.approx(threshold, nan_ok=True)
    known = math.isfinite(threshold)
    assert players.learned(run, threshold + 1e-9) == known
    assert not players.learned(run, threshold - 1e-9)


@pytest.mark.parametrize(("mean", "best", "least"), [(22.0, 70.0, 46.0), (0.2, 1.0, 0.6), (-0.5, -0.2, -0.35)])
def test_where_random_play_was_measured_along_learned_begins_halfway_to_its_best_episode(mean, best, least):
    run = measured(mean, best)
    assert players.floor(run) == mean
    assert players.learned(run, least + 1e-9)
    assert not players.learned(run, least - 1e-9)


def test_where_random_play_always_gets_the_same_it_cannot_be_told_who_has_learned():
    assert players.floor(measured(-200.0, -200.0)) == -200.0
    assert not players.learned(measured(-200.0, -200.0), 0.0)


def test_where_random_play_loses_no_multiple_of_it_is_learned(monkeypatch):
    monkeypatch.setattr(players, "score", lambda *_: -500.0)
    assert players.floor(CHASER) == -500.0
    assert not players.learned(CHASER, -10.0)


def test_fifths_are_means_over_episodes_in_the_order_of_frames_without_intervals_in_which_none_ended():
    returns = [1, 2, math.nan, 3, 5, 4, 4, 6, 6, 8, 0]
    whole = curve(returns, [1, 3, 0, 1, 1, 2, 2, 1, 3, 3, 1])
    expected = [(1 * 1 + 2 * 3) / 4, (3 + 5) / 2, 4, 6, 8 * 3 / 4]
    assert players.fifths(whole.sample(frac=1, random_state=0)).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("returns", "fallen"),
    [
        ([1, 2, 3, 4, 5], False),
        ([1, 5, 4, 4, 4.01], False),
        ([1, 5, 4, 4, 3.99], True),
        ([5, 1, 1, 1, 4.5], False),  # it is the end that counts
        ([-9, -5, -1, -1, -1.19], False),
        ([-9, -5, -1, -1, -1.21], True),
    ],
)
def test_a_curve_has_fallen_if_its_end_is_more_than_a_fifth_below_its_best(returns, fallen):
    assert bool(players.fallen([curve(returns)])) == fallen


def test_curves_are_judged_by_their_mean():
    falls, rises = [5, 5, 5, 5, 0], [0, 0, 0, 0, 5]
    assert players.fallen([curve(falls)]) == "the better side's training return fell from 5.00 to 0.00 at its end"
    assert players.fallen([curve(falls), curve(rises)]) == ""


def test_a_curve_of_four_points_tells_nothing():
    assert players.fallen([curve([1, 2, 3, 4, 5]), curve([1, 2, 3, 4, math.nan])]).startswith("fewer than 5 logged")


def test_with_learned_agents_are_the_settings_whose_mean_is_high_enough_and_whose_curves_have_not_fallen():
    scores = {"good": (1.0, 2.9), "low": (1.0, 2.8), "fell": (9.0, 9.0)}  # 1.926 is needed
    runs, curves = [], []
    for setting, found in scores.items():
        for seed, score in enumerate(found):
            folder = f"{setting}{seed}"
            runs.append({**CHASER, "setting": setting, "score": score, "folder": folder})
            curves.append(curve([1, 2, 3, 4, 0 if setting == "fell" else 5], folder=folder))
    assert players.with_learned_agents(pd.DataFrame(runs), pd.concat(curves)) == {"good0", "good1"}
