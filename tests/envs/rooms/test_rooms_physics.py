"""Movement: against recordings of the real engine, and what must hold wherever the player goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtrl_bench.cli import main
from rtrl_bench.envs.rooms import fidelity, maps, physics
from rtrl_bench.envs.rooms.state import SLOT

NO_BOXES, NO_PLANES = np.zeros((0, 4)), np.zeros((0, 3))


@pytest.fixture(scope="module", params=fidelity.REPLAYED)
def measured(request):
    return fidelity.measure(request.param)


def test_recordings_are_replayed_whole(measured):
    expected = {"rooms_select_nonmatching_object": (20, 3600, 4), "rooms_watermaze": (5, 9000, 1)}
    episodes, steps, left_out = expected[measured.level]
    assert (measured.episodes, measured.steps + measured.steps_left_out) == (episodes, steps)
    assert measured.steps_left_out == left_out


def test_yaw_equals_the_recorded_one_to_the_last_digit(measured):
    assert measured.yaw_error_max_degrees == 0.0


def test_free_movement_stays_within_three_units_of_the_recorded_one(measured):
    assert measured.position_error_free_max < 3.0


def test_movement_along_walls_stays_near_the_recorded_one(measured):
    median, p95 = {"rooms_select_nonmatching_object": (1, 6), "rooms_watermaze": (5, 15)}[measured.level]
    assert measured.position_error_median < median
    assert measured.position_error_p95 < p95


def test_rewards_come_at_the_recorded_step(measured):
    """One reward of the watermaze falls on the border of two steps."""
    expected = {"rooms_select_nonmatching_object": (20, 20), "rooms_watermaze": (14, 15)}
    assert (measured.rewards_at_the_same_step, measured.rewards_recorded) == expected[measured.level]


def test_recordings_and_constants_disagree_when_friction_is_changed(measured):
    """The thresholds above can fail: a replay that brakes less is far off."""
    episode = next(fidelity.recorded(measured.level))
    slot = np.zeros(1, SLOT)[0]
    x, y = episode["position"][0, :2].astype(float)
    physics.place(slot, x, y, physics.GROUND_Z, float(episode["rotation"][0, 1]))
    for action in episode["action"][:100]:
        for _ in range(4):
            slot["frame"] += 1
            physics.move(slot, *physics.ACTIONS[action], 0.0, NO_BOXES, 0, NO_PLANES)
            slot["vx"], slot["vy"] = 1.02 * slot["vx"], 1.02 * slot["vy"]
    assert np.hypot(slot["x"] - episode["position"][100, 0], slot["y"] - episode["position"][100, 1]) > 3.0


def test_full_speed_is_reached_and_kept():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z, 0.0)
    for _ in range(60):
        physics.move(slot, 0.0, 0.0, 1.0, 0.0, NO_BOXES, 0, NO_PLANES)
    assert (slot["vx"], slot["vy"]) == (physics.SPEED, 0.0)


def test_strafing_goes_to_the_side():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z, 90.0)
    for _ in range(10):
        physics.move(slot, 0.0, 1.0, 0.0, 0.0, NO_BOXES, 0, NO_PLANES)
    assert slot["x"] > 20.0
    assert slot["y"] == pytest.approx(0.0, abs=1e-9)


def test_a_fall_takes_as_long_as_gravity_says():
    slot = np.zeros(1, SLOT)[0]
    height = 25.0
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z + height, 0.0)
    frames = 0
    while slot["z"] > physics.GROUND_Z:
        physics.move(slot, 0.0, 0.0, 0.0, 0.0, NO_BOXES, 0, NO_PLANES)
        frames += 1
    assert frames == pytest.approx(np.sqrt(2 * height / physics.GRAVITY) * 1000 / physics.FRAME_MS, abs=1)


def _outside(boxes, planes, x, y):
    """How far the player's box is out of every solid (negative: inside of one)."""
    gaps = (
        np.maximum(np.maximum(boxes[:, 0] - x, x - boxes[:, 2]), np.maximum(boxes[:, 1] - y, y - boxes[:, 3]))
        - physics.HALF_WIDTH
    )
    room = planes[:, 2] - planes[:, :2] @ (x, y) - physics.HALF_WIDTH * np.abs(planes[:, :2]).sum(1)
    return min([*gaps, *room])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12)), min_size=20, max_size=60))
def test_no_sequence_of_actions_enters_a_wall(held):
    slot = np.zeros(1, SLOT)[0]
    for boxes, planes, start in (
        (maps.NONMATCHING_BOXES, NO_PLANES, maps.SPAWN),
        (NO_BOXES, maps.WATERMAZE_PLANES, (720.0, 0.0)),
    ):
        physics.place(slot, *start, physics.GROUND_Z, 0.0)
        for action, frames in held:
            for _ in range(4 * frames):
                physics.move(slot, *physics.ACTIONS[action], 0.0, boxes, len(boxes), planes)
            assert _outside(boxes, planes, slot["x"], slot["y"]) > 0.0


def test_walls_are_walked_along():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, -200.0, 100.0, physics.GROUND_Z, 45.0)
    for _ in range(30):
        physics.move(slot, 0.0, 0.0, 1.0, 0.0, maps.NONMATCHING_BOXES, len(maps.NONMATCHING_BOXES), NO_PLANES)
    assert slot["y"] == pytest.approx(128 - physics.HALF_WIDTH - physics.CLIP_EPSILON, abs=0.01)
    assert slot["x"] > -100.0


def test_actions_are_those_of_the_paper():
    """Irie et al. 2024: forward, backward, strafe left and right, look left and right, both while going on, fire."""
    assert physics.ACTIONS.tolist() == [
        *([0, 0, 1], [0, 0, -1], [0, -1, 0], [0, 1, 0], [-20, 0, 0], [20, 0, 0]),
        *([-20, 0, 1], [20, 0, 1], [0, 0, 0]),
    ]


def test_the_fidelity_command_refuses_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["fidelity", "--out", str(tmp_path / "missing/errors.csv")]) == 2
    assert "expected a file in a folder that exists" in capsys.readouterr().err


def test_the_fidelity_command_writes_a_row_per_level(tmp_path):
    assert main(["fidelity", "--out", str(tmp_path / "errors.csv")]) == 0
    head, *rows = (tmp_path / "errors.csv").read_text().splitlines()
    assert head.startswith("level,episodes,steps,steps_left_out,yaw_error_max_degrees")
    assert [row.split(",")[0] for row in rows] == list(fidelity.REPLAYED)
