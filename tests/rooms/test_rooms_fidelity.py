"""The embedded levels against recordings of the real engine, replayed action by action."""

import numpy as np
import pytest

from rtrl_bench.cli import main
from rtrl_bench.rooms import clock, fidelity, levels

NONMATCHING, WATERMAZE, KEYS_DOORS = levels.LEVELS


@pytest.fixture(scope="module")
def measured():
    return {(row.level, row.recordings): row for row in fidelity.measured()}


ROWS = [(NONMATCHING, "players"), (NONMATCHING, "wandering"), (WATERMAZE, "players"), (WATERMAZE, "wandering")]
ROWS += [(KEYS_DOORS, "players")]


def test_every_recording_that_can_be_replayed_is_replayed_whole(measured):
    assert set(measured) == set(ROWS)
    episodes = {key: (row.episodes, row.steps + row.steps_left_out) for key, row in measured.items()}
    assert [episodes[key] for key in ROWS] == [(10, 1800), (20, 3600), (5, 9000), (5, 9000), (5, 4111)]
    assert all(row.steps_left_out < 0.01 * row.steps for row in measured.values())


@pytest.mark.parametrize("key", ROWS)
def test_yaw_equals_the_recorded_one_to_the_last_digit(measured, key):
    assert measured[key].yaw_error_max_degrees == 0.0


@pytest.mark.parametrize("key", ROWS)
def test_free_movement_is_the_recorded_one(measured, key):
    """To a thousandth of a unit; but for one trial of watermaze, whose player falls into the water from a height."""
    assert measured[key].position_error_free_max < (6.0 if key == (WATERMAZE, "players") else 2e-3)


@pytest.mark.parametrize("key", ROWS)
def test_positions_stay_near_the_recorded_ones_along_walls_and_on_the_platform(measured, key):
    assert measured[key].position_error_p95 < (5.0 if key[0] == WATERMAZE else 0.01)


@pytest.mark.parametrize("key", [ROWS[0], ROWS[1], ROWS[4]])
def test_rewards_come_at_the_recorded_step(measured, key):
    assert measured[key].rewards_at_the_same_step == measured[key].rewards_recorded > 0


def test_regular_rewards_of_the_platform_come_within_a_step_of_the_recorded_ones(measured):
    """The other recorded ones are extra rewards, which the engine draws, and one more that an extra one leaves out."""
    rows = [measured[WATERMAZE, name] for name in ("wandering", "players")]
    assert [(row.rewards_within_a_step, row.rewards_recorded) for row in rows] == [(15, 15), (21, 24)]


def test_without_the_engines_clock_the_replay_drifts_away(monkeypatch):
    """The thresholds above can fail: with frames of 16 ms the errors are far beyond them."""
    monkeypatch.setattr(levels, "advance", _advance_evenly)
    row = fidelity.measure(NONMATCHING, "players")
    assert row.position_error_p95 > 1.0


def _advance_evenly(slots, low, high, actions, frames, rewards, *rules):
    for _ in range(frames):
        slots["lag_ms"] = -clock.SERVER_FRAME_MS  # never near the server: every frame lasts 17 ms
        ADVANCE(slots, low, high, actions, 1, rewards, *rules)


ADVANCE = levels.advance


def test_rewards_are_matched_one_to_one():
    recorded = np.array([0, 1, 1, 0, 0, 1.0])
    assert fidelity.matched(recorded, np.array([0, 0, 1, 0, 0, 0.0]), within=1) == 1
    assert fidelity.matched(recorded, np.array([1, 0, 0, 1, 1, 0.0]), within=1) == 3
    assert fidelity.matched(recorded, np.array([1, 0, 1, 1, 0, 0.0]), within=0) == 1


def test_the_fidelity_command_refuses_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["fidelity", "--out", str(tmp_path / "missing/errors.csv")]) == 2
    assert "expected a file in a folder that exists" in capsys.readouterr().err


def test_the_fidelity_command_writes_the_worst_level_first(tmp_path):
    assert main(["fidelity", "--out", str(tmp_path / "errors.csv")]) == 0
    rows = (tmp_path / "errors.csv").read_text().splitlines()
    header = rows[0].split(",")
    errors = [float(row.split(",")[header.index("position_error_p95")]) for row in rows[1:]]
    assert len(errors) == len(ROWS) and errors == sorted(errors, reverse=True)
