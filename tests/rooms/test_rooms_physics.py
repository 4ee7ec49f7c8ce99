"""Movement: what must hold wherever the player goes. test_rooms_fidelity.py holds it against the real engine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtrl_bench.rooms import maps, physics
from rtrl_bench.rooms.clock import FRAME_MS
from rtrl_bench.rooms.state import SLOT

NO_BOXES, NO_PLANES = np.zeros((0, 4)), np.zeros((0, 3))


def test_full_speed_is_reached_and_kept():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z, 0.0)
    for _ in range(60):
        physics.move(slot, FRAME_MS, 0.0, 0.0, 1.0, 0.0, NO_BOXES, 0, NO_PLANES)
    assert (slot["vx"], slot["vy"]) == (physics.SPEED, 0.0)


def test_strafing_goes_to_the_side():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z, 90.0)
    for _ in range(10):
        physics.move(slot, FRAME_MS, 0.0, 1.0, 0.0, 0.0, NO_BOXES, 0, NO_PLANES)
    assert slot["x"] > 20.0
    assert slot["y"] == pytest.approx(0.0, abs=1e-9)


def test_a_fall_takes_as_long_as_gravity_says():
    slot = np.zeros(1, SLOT)[0]
    height = 25.0
    physics.place(slot, 0.0, 0.0, physics.GROUND_Z + height, 0.0)
    frames = 0
    while slot["z"] > physics.GROUND_Z:
        physics.move(slot, FRAME_MS, 0.0, 0.0, 0.0, 0.0, NO_BOXES, 0, NO_PLANES)
        frames += 1
    assert frames == pytest.approx(np.sqrt(2 * height / physics.GRAVITY) * 1000 / FRAME_MS, abs=1)


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
                physics.move(slot, FRAME_MS, *physics.ACTIONS[action], 0.0, boxes, len(boxes), planes)
            assert _outside(boxes, planes, slot["x"], slot["y"]) > 0.0


def test_walls_are_walked_along():
    slot = np.zeros(1, SLOT)[0]
    physics.place(slot, -200.0, 100.0, physics.GROUND_Z, 45.0)
    for _ in range(30):
        physics.move(slot, FRAME_MS, 0.0, 0.0, 1.0, 0.0, maps.NONMATCHING_BOXES, len(maps.NONMATCHING_BOXES), NO_PLANES)
    assert slot["y"] == pytest.approx(128 - physics.HALF_WIDTH - physics.CLIP_EPSILON, abs=0.01)
    assert slot["x"] > -100.0


def test_actions_are_those_of_the_paper():
    """Irie et al. 2024: forward, backward, strafe left and right, look left and right, both while going on, fire."""
    assert physics.ACTIONS.tolist() == [
        *([0, 0, 1], [0, 0, -1], [0, -1, 0], [0, 1, 0], [-20, 0, 0], [20, 0, 0]),
        *([-20, 0, 1], [20, 0, 1], [0, 0, 0]),
    ]
