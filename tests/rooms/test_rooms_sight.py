"""What stands in each direction: hand-made cases, a slow geometry, and the pictures themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from slow_sight import middle_of_direction, nearest
from views import ISLANDS, KEYS, NONMATCHING, bare, frame_of, slots_at

from rtrl_bench.rooms import maps
from rtrl_bench.rooms.labels import in_view
from rtrl_bench.rooms.sight import DIRECTIONS, Things, facing, floor_ahead, look

ROW = list(range(DIRECTIONS))


def seen(player, *things, walls=()):
    """`look` of one player at things x0, y0, x1, y1: numbers and distances."""
    ends = np.array(things, float).reshape(1, len(things), 2, 2)
    found = look(
        slots_at(NONMATCHING, [player]), Things(ends, np.ones((1, len(things)), bool)), np.reshape(walls, (-1, 2, 2))
    )
    return found.which[0].tolist(), found.distance[0]


def test_a_thing_stands_where_its_middle_is_and_wherever_a_middle_line_meets_it():
    """From 45 to the left, 11.25 degrees each: the wide one covers the middle lines of directions 3 to 5."""
    small = (100, 58, 100, 62)  # 31 degrees to the left
    wide = (100, 12, 100, -36)  # 6.8 to the left to 19.8 to the right
    assert seen((0, 0, 0), small, wide)[0] == [-1, 0, -1, 1, 1, 1, -1, -1]


@pytest.mark.parametrize("yaw", [0, 90, 123, -135, 359])
def test_directions_turn_with_the_player(yaw):
    turn = math.radians(yaw)
    for direction in ROW:
        angle = turn + math.radians(middle_of_direction(direction))
        x, y = 10 + 300 * math.cos(angle), 20 + 300 * math.sin(angle)
        thing = (x - 5 * math.sin(angle), y + 5 * math.cos(angle), x + 5 * math.sin(angle), y - 5 * math.cos(angle))
        which, distance = seen((10, 20, yaw), thing)
        assert [d for d in ROW if which[d] == 0] == [direction]
        assert distance[direction] == pytest.approx(300)
        assert np.isnan(np.delete(distance, direction)).all()


def test_the_nearest_of_several_counts():
    far, near = (200, -40, 200, 40), (100, -20, 100, 20)
    for things, number in (((far, near), 1), ((near, far), 0)):
        which, distance = seen((0, 0, 0), *things)
        assert which[3:5] == [number, number] and distance[3] == pytest.approx(100)


def test_nothing_is_seen_behind_the_player_beside_the_field_of_view_or_thinner_than_a_pixel():
    behind, beside, edge_on, far = (-100, -20, -100, 20), (50, 60, 50, 70), (100, 0, 200, 0.5), (9000, -20, 9000, 20)
    for thing in (behind, beside, edge_on, far):
        assert seen((0, 0, 0), thing)[0] == [-1] * DIRECTIONS


def test_a_wall_hides_what_is_behind_it_and_no_more():
    thing = (200, -40, 200, 40)
    assert seen((0, 0, 0), thing, walls=[(100, -10, 100, 10)])[0] == [-1] * DIRECTIONS
    for wall in [(100, 10, 100, 30), (300, -90, 300, 90), (-100, -90, -100, 90)]:
        assert seen((0, 0, 0), thing, walls=[wall])[0] == seen((0, 0, 0), thing)[0]


def test_a_slow_geometry_sees_the_same():
    random = np.random.default_rng(0)
    decided = 0
    for _ in range(40):
        player = (*random.uniform(-300, 300, 2), random.uniform(0, 360))
        middles, halves = random.uniform(-300, 300, (5, 2)), random.uniform(-60, 60, (5, 2))
        things = np.concatenate([middles - halves, middles + halves], axis=1)
        which, distance = seen(player, *things)
        for direction in ROW:
            expected = nearest(player, things, direction)
            if expected is not None:
                decided += 1
                assert which[direction] == expected[0]
                assert distance[direction] == pytest.approx(expected[1], nan_ok=True, rel=1e-6)
    assert decided > 200


def test_sprites_turn_towards_the_player():
    slots = slots_at(NONMATCHING, [(0, 0, 30), (0, 0, 30)])
    x, y, width = np.array([[100.0], [0.0]]), np.array([[50.0], [80.0]]), np.full((2, 1), 20.0)
    ends = facing(slots, x, y, width, np.ones((2, 1), bool)).ends
    assert np.allclose(ends.mean(axis=2)[:, 0], [[100, 50], [0, 80]])
    assert np.allclose(np.diff(ends, axis=2)[:, 0, 0], [[-20 * -0.5, -20 * 3**0.5 / 2]] * 2)


def columns_with(scene, pose, sprite):
    """Columns of the picture in which the sprite is to be seen."""
    with_it, without = (frame_of(NONMATCHING, pose, rows, scene=scene) for rows in ([sprite], []))
    return np.flatnonzero((with_it != without).any(axis=(0, 2))).tolist()


def test_objects_stand_where_the_renderer_draws_them():
    """One at a time, from all over both rooms: whether it is in view, and where if no wall hides a part of it."""
    random, drawn, hidden = np.random.default_rng(1), 0, 0
    level, open_level = bare(NONMATCHING), bare(NONMATCHING)._replace(walls=np.empty((0, 10), np.float32))
    for _ in range(600):
        x0, x1, y0, y1 = [(-240, 110, -240, 110), (260, 380, -120, -10), (390, 620, -240, 110)][random.integers(3)]
        pose = (random.uniform(x0, x1), random.uniform(y0, y1), random.uniform(0, 360))
        place = [*maps.EXAMPLES, *maps.CHOICES][random.integers(4)]
        sprite = (*place, 13.0, 40.0, 10, 1)  # a sphere
        slot = slots_at(NONMATCHING, [pose])
        slot["sprites"][0, 0], slot["sprite_count"] = sprite, 1
        directions = set(np.flatnonzero(in_view(NONMATCHING, slot)["colour"][0]))
        columns = columns_with(level, pose, sprite)
        if not columns:
            hidden += 1
            assert not directions
        elif columns == columns_with(open_level, pose, sprite) and 0 not in columns and 95 not in columns:
            drawn += 1
            left = math.degrees(math.atan((48 - (columns[0] + columns[-1] + 1) / 2) / 48))
            assert directions & {d for d in ROW if abs(middle_of_direction(d) - left) < 11.25 / 2 + 1}
    assert drawn > 40 and hidden > 100


def test_the_floor_goes_as_far_as_a_walk_along_the_middle_line_stays_on_it():
    random = np.random.default_rng(2)
    slots = slots_at(
        KEYS, [(random.uniform(100, 600), random.uniform(100, 600), random.uniform(0, 360)) for _ in range(40)]
    )
    measured = floor_ahead(slots, cell=100.0, step=10.0, farthest=400.0)
    for slot, row in zip(slots, measured):
        for direction in ROW:
            angle = math.radians(slot["yaw"] + middle_of_direction(direction))
            reach = 0
            while reach < 400:
                x, y = (slot[axis] + (reach + 10) * f(angle) for axis, f in (("x", math.cos), ("y", math.sin)))
                if not (0 <= x < 1500 and 0 <= y < 1200 and ISLANDS[int(y // 100), int(x // 100)]):
                    break
                reach += 10
            assert row[direction] == reach
