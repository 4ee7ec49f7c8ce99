"""The labels of pictures, from states made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from views import KEYS, NONMATCHING, WATERMAZE, slot_at, slots_at

from rtrl_bench.rooms import maps
from rtrl_bench.rooms.labels import CLASSES, in_view
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR, GOAL, KEY
from rtrl_bench.rooms.players import StrayingPlayers
from rtrl_bench.rooms.sight import DIRECTIONS
from rtrl_bench.rooms.simulator import Simulator

LEVELS = (NONMATCHING, WATERMAZE, KEYS)
RED, GREEN, BLUE, WHITE, BLACK = range(5)
CLOSED, OPENING = -1, 0


def labels_of(level, pose, **objects):
    return {name: values[0].tolist() for name, values in in_view(level, slot_at(level, pose, **objects)).items()}


def directions(**things):
    """A row of classes: `things` maps `d<number>` to the class there, none elsewhere."""
    row = [0] * DIRECTIONS
    for name, number in things.items():
        row[int(name[1:])] = number
    return row


def test_nonmatching_tells_colour_shape_and_distance_of_the_objects_room_and_pose():
    """From the arrival: one choice at 22 degrees to the left, the other as far to the right; the example is behind."""
    sprites = [(*maps.EXAMPLES[0], 13, 36, 0, 0), (*maps.CHOICES[0], 13, 36, 4, 2), (*maps.CHOICES[1], 13, 36, 11, 1)]
    found = labels_of(NONMATCHING, (*maps.ARRIVAL[:2], 0), sprites=sprites)
    assert found["colour"] == directions(d2=3, d5=2)
    assert found["shape"] == directions(d2=5, d5=12)
    far = float(np.hypot(312, 128))
    assert found["distance"] == pytest.approx([far if d in (2, 5) else np.nan for d in range(8)], nan_ok=True)
    assert (found["room"], found["place"], found["heading"]) == ([1], [288, -64], [1, 0])


def test_nonmatching_objects_behind_the_walls_between_the_rooms_are_not_in_view():
    sprites = [(*maps.CHOICES[0], 13, 36, 4, 2), (*maps.EXAMPLES[0], 13, 36, 7, 1)]
    found = labels_of(NONMATCHING, (-20, 64, 0), sprites=sprites)
    assert found["colour"] == directions(d3=2, d4=2)
    assert found["room"] == [0]


def test_an_object_that_has_not_grown_to_the_width_of_a_pixel_is_not_in_view():
    slot = slot_at(NONMATCHING, (-232, -64, 20), sprites=[(*maps.EXAMPLES[0], 13, 36, 7, 1)])
    for milliseconds, there in ((20, False), (600, True)):
        slot["server_ms"], slot["residual_ms"] = milliseconds, 0
        assert in_view(NONMATCHING, slot)["colour"].any() == there


def test_watermaze_tells_the_paintings_by_their_number():
    """From the middle towards the east: painting 0 ahead, its neighbours at the edges of the field of view."""
    found = labels_of(WATERMAZE, (0, 0, 0))
    assert found["painting"][3:5] == [1, 1]
    found = labels_of(WATERMAZE, (0, 0, 22.5))
    assert (found["painting"][1:3], found["painting"][5:7]) == ([2, 2], [1, 1])
    assert found["distance"][1] == pytest.approx(756, abs=0.1)
    assert labels_of(WATERMAZE, (0, 0, 180))["painting"][3:5] == [5, 5]


def test_watermaze_tells_whether_the_platform_has_lifted_the_player():
    slots = slots_at(WATERMAZE, [(0, 0, 0)] * 2)
    slots["z"][1] += 40
    assert in_view(WATERMAZE, slots)["raised"].tolist() == [[0], [1]]


def test_keys_doors_tells_keys_closed_doors_goal_and_the_held_key():
    sprites = [
        (400, 150, 0, 83, KEY, FIRST_DOOR_COLOUR + WHITE),
        (150, 400, 0, 83, KEY, FIRST_DOOR_COLOUR + RED),
        (300, 300, 0, 87, GOAL, 0),
    ]
    fences = [
        (250, 150, 250, 250, FIRST_DOOR_COLOUR + BLUE, CLOSED),
        (150, 250, 250, 250, FIRST_DOOR_COLOUR + GREEN, OPENING),
    ]
    slot = slot_at(KEYS, (150, 150, 45), sprites=sprites, fences=fences)
    slot["held"] = GREEN
    found = {name: values[0].tolist() for name, values in in_view(KEYS, slot).items()}
    assert (found["key"][0], found["key"][-1]) == (1 + RED, 1 + WHITE)
    assert found["key"][2:6] == [0] * 4
    assert found["door"] == directions(d4=1 + BLUE, d5=1 + BLUE, d6=1 + BLUE, d7=1 + BLUE)
    assert found["goal"][3:5] == [1, 1] and found["goal"][0] == found["goal"][7] == 0
    assert (found["key_distance"][0], found["goal_distance"][3]) == pytest.approx((250, 150 * 2**0.5))
    assert found["held"] == [1 + GREEN]


@pytest.mark.parametrize("level", LEVELS)
def test_labels_are_in_the_promised_ranges_all_through_play_and_every_class_occurs(level):
    random = np.random.default_rng(0)
    simulator, players = Simulator(level, 16), StrayingPlayers(level, 16, random)
    simulator.reset(np.arange(16, dtype=np.uint64))
    seen = {name: set() for name in CLASSES[level]}
    for _ in range(150):
        simulator.step(players(simulator.slots))
        labels = in_view(level, simulator.slots)
        assert seen.keys() == {name for name, values in labels.items() if values.dtype == np.int64}
        for name, values in labels.items():
            assert len(values) == 16 and values.shape[1] in (1, 2, DIRECTIONS)
            if name in seen:
                seen[name] |= set(values.flatten().tolist())
            else:
                assert values.dtype == np.float32 and not np.isinf(values).any()
    assert seen == {name: set(range(count)) for name, count in CLASSES[level].items()}


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_players_stray_in_the_same_way(level):
    def walk():
        simulator, players = Simulator(level, 3), StrayingPlayers(level, 3, np.random.default_rng(7))
        simulator.reset(np.arange(3, dtype=np.uint64))
        for _ in range(60):
            simulator.step(players(simulator.slots))
        return simulator.slots.tobytes()

    assert walk() == walk()
