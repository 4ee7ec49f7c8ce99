"""rooms_keys_doors_puzzle: rules, walls and doors, by themselves and along the ways that the engine recorded."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtrl_bench.rooms import keys_doors, levels, physics
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT
from rtrl_bench.rooms.fidelity import recorded
from rtrl_bench.rooms.keys_doors_map import Door, Key, Kind, Layout, Room, generate
from rtrl_bench.rooms.oracle_keys import NOTHING, KeysDoorsOracle, plan
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR, GOAL, KEY
from rtrl_bench.rooms.state import FENCE_OPEN, GRID, SLOT, SPRITE_PICTURE

LEVEL = "rooms_keys_doors_puzzle"
NOWHERE = (0, 0)


# --- the rules ---

OTHER = 4  # colour of doors that stay closed: `*` in drawings


def drawn(text):
    """A layout from a drawing, north above, its last line the first row of rooms: `.` floor, `a` `b` `c` keys,
    `A` `B` `C` the doors of their colours, `*` doors without a key, `$` the goal."""
    cells = {
        (2 + row, 2 + column): mark
        for row, line in enumerate(reversed(text.strip("\n").split("\n")))
        for column, mark in enumerate(line.ljust(11))
        if mark not in " -"
    }
    floor = np.zeros(GRID, bool)
    floor[tuple(zip(*cells))] = True
    keys = tuple(Key(cell, "abc".index(mark)) for cell, mark in cells.items() if mark in "abc")
    doors = tuple(
        Door((row, column), row % 3 == 1, "ABC-*".index(mark), None)
        for (row, column), mark in cells.items()
        if mark in "ABC*"
    )
    goals = [cell for cell, mark in cells.items() if mark == "$"]
    return Layout(1, (Room((0, 0), Kind.START),), doors, keys, goals[0] if goals else NOWHERE, floor)


def new_slot(text):
    slot = np.zeros(1, SLOT)[0]
    keys_doors.lay_out(slot, drawn(text))
    return slot


def visit(slot, x, y):
    """A frame at (x, y), and one more, which brings the reward."""
    slot["x"], slot["y"] = x, y
    slot["frame"] += 2
    return keys_doors.after_move(slot) + keys_doors.after_move(slot)


TWO_ROOMS = """
...A...
a.b ..$"""


def test_an_episode_begins_as_drawn_on_a_start_cell_looking_anywhere():
    places, yaws = Counter(), []
    for seed in range(200):
        slot = np.zeros(1, SLOT)[0]
        keys_doors.begin(slot, np.random.default_rng(seed))
        layout = generate(np.random.default_rng(seed))
        row, column = layout.rooms[0].corner
        places[(slot["x"] / 100 - column, slot["y"] / 100 - row)] += 1
        yaws.append(slot["yaw"])
        assert (slot["floor"] == layout.floor).all() and slot["held"] == -1 and not slot["over"]
        assert (
            slot["fence_count"] == len(layout.doors) and (slot["fences"][: len(layout.doors), FENCE_OPEN] == -1).all()
        )
        pictures = slot["sprites"][: slot["sprite_count"], SPRITE_PICTURE].tolist()
        assert pictures == [KEY] * len(layout.keys) + [GOAL]
        for sprite, key in zip(slot["sprites"], layout.keys):
            assert tuple(sprite[:2]) == (key.cell[1] * 100 + 50, key.cell[0] * 100 + 50)
            assert sprite[5] == FIRST_DOOR_COLOUR + key.colour
        assert slot["z"] == 25.125  # as recorded
    assert set(places) == {(0.5, 1.5), (1.5, 1.5), (2.5, 1.5), (1.5, 0.5)} and min(places.values()) > 30
    assert np.histogram(yaws, 4, (-180, 180))[0].min() > 30


@pytest.mark.parametrize(
    ("dx", "dy", "touched"),
    [
        *((-50, 0, True), (-50.1, 0, False), (44, 0, True), (44.1, 0, False)),
        *((0, 36, True), (0, 36.1, False), (0, -36, True), (0, -36.1, False), (44, -36, True)),
    ],
)
def test_a_key_is_taken_within_the_reach_of_a_pickup(dx, dy, touched):
    slot = new_slot(TWO_ROOMS)
    assert visit(slot, 250 + dx, 250 + dy) == touched
    assert (slot["held"], slot["sprite_count"]) == ((0, 2) if touched else (-1, 3))


def test_a_reward_comes_in_the_frame_after_the_touch():
    slot = new_slot(TWO_ROOMS)
    slot["x"], slot["y"] = 250, 250
    assert [keys_doors.after_move(slot) for _ in range(3)] == [0, 1, 0]


def test_a_new_key_destroys_the_held_one():
    slot = new_slot(TWO_ROOMS)
    assert visit(slot, 250, 250) == 1 and slot["held"] == 0
    assert visit(slot, 450, 250) == 1 and slot["held"] == 1
    assert visit(slot, 250, 250) == 0 and slot["held"] == 1
    assert slot["sprites"][: slot["sprite_count"], SPRITE_PICTURE].tolist() == [GOAL]


def test_a_door_opens_for_its_colour_alone_and_uses_the_key_up():
    slot = new_slot(TWO_ROOMS)
    for held in (-1, 1, OTHER):
        slot["held"] = held
        assert visit(slot, 550, 350) == 0 and slot["held"] == held and slot["fences"][0, FENCE_OPEN] == -1
    slot["held"] = 0
    assert visit(slot, 550, 350) == 1 and slot["held"] == -1
    slot["held"] = 0
    assert visit(slot, 550, 350) == 0 and slot["held"] == 0  # it is open for good
    for _ in range(40):
        keys_doors.after_move(slot)
    assert slot["fences"][0, FENCE_OPEN] == keys_doors.SLIDE_FRAMES


@pytest.mark.parametrize(
    ("x", "y", "opens"),
    [(484.9, 350, False), (485.1, 350, True), (614.9, 350, True), (615.1, 350, False), (550, 284.9, False)],
)
def test_a_door_opens_when_the_players_box_enters_its_cell(x, y, opens):
    slot = new_slot(TWO_ROOMS)
    slot["held"] = 0
    assert visit(slot, x, y) == opens


def test_the_goal_gives_50_once_and_ends_the_episode_12_frames_later():
    slot = new_slot(TWO_ROOMS)
    rewards = []
    slot["x"], slot["y"] = 850, 250
    while not slot["over"]:
        slot["frame"] += 1
        rewards.append(keys_doors.after_move(slot))
    assert rewards == [0, 50, *[0] * 11]


# --- what is solid ---


def naive_solids(slot, layout):
    """All cells without floor, also around the map, and all doors, cut down to those near the player."""
    boxes = []
    for row, column in itertools.product(range(-1, GRID[0] + 1), range(-1, GRID[1] + 1)):
        if not (0 <= row < GRID[0] and 0 <= column < GRID[1]) or not layout.floor[row, column]:
            boxes.append((100 * column - 1, 100 * row - 1, 100 * column + 101, 100 * row + 101))
    for door, fence in zip(layout.doors, slot["fences"]):
        slid = 95 * max(fence[FENCE_OPEN], 0) / 18
        x, y = 100 * door.cell[1], 100 * door.cell[0]
        boxes.append((x + slid, y + 46, x + 100, y + 54) if door.north_south else (x + 46, y + slid, x + 54, y + 100))
    return boxes


def near(slot, boxes, reach):
    x, y = slot["x"], slot["y"]
    return {
        tuple(np.round(box, 3).tolist())
        for box in boxes
        if box[0] < x + reach and box[2] > x - reach and box[1] < y + reach and box[3] > y - reach
    }


@given(st.integers(0, 2**32 - 1))
def test_solids_are_the_cells_without_floor_and_the_doors_around_the_player(seed):
    random = np.random.default_rng(seed)
    layout = generate(random)
    slot = np.zeros(1, SLOT)[0]
    keys_doors.lay_out(slot, layout)
    for _ in range(40):
        row, column = random.choice(np.argwhere(layout.floor))
        slot["x"], slot["y"] = 100 * (column + random.random()), 100 * (row + random.random())
        slot["fences"][: len(layout.doors), FENCE_OPEN] = random.integers(-1, 19, len(layout.doors))
        boxes = np.full((8, 4), np.nan)
        found = {tuple(np.round(box, 3).tolist()) for box in boxes[: keys_doors.solids(slot, boxes)]}
        everything = naive_solids(slot, layout)
        # All that can be met in a frame (15 + 5.12 < 21); and nothing that is far.
        assert near(slot, everything, 21.0) <= found <= near(slot, everything, 26.0)


def test_nothing_is_open_outside_of_the_map():
    slot = np.zeros(1, SLOT)[0]
    slot["floor"] = 1
    slot["x"], slot["y"] = 16.0, 1184.0
    boxes = np.zeros((8, 4))
    assert keys_doors.solids(slot, boxes) == 3


# --- the engine's recordings: what it let the player do, in the layouts that its ways, stops and rewards give away ---

RECORDED = [
    """
 *
...*
..a
 .
...A...
... ..b
""",
    """
 A
...*
a..
""",
    """
   *...
    a.c
     A
...B...
..$ b..
     *
-
-
""",
    """
...A...
... ..a
 *   *
-
-
""",
]


KINDS = {(102, 102): "wall", (8, 100): "closed door", (5, 8): "open door"}  # by their sides


def played(number):
    """Rewards (T,) of the rules along a recorded way, and the least clearance to each kind of solid."""
    episode = list(recorded(LEVEL, "wandering"))[number]
    slot = new_slot(RECORDED[number])
    positions = episode["position"][:, :2].astype(float)
    rewards, clearances = np.zeros(len(positions)), {}
    boxes = np.zeros((8, 4))
    for step, (here, there) in enumerate(itertools.pairwise(positions)):
        for part in (0.25, 0.5, 0.75, 1.0):
            slot["frame"] += 1
            slot["x"], slot["y"] = here + part * (there - here)
            rewards[step] += keys_doors.after_move(slot)
        for x0, y0, x1, y1 in boxes[: keys_doors.solids(slot, boxes)]:
            kind = KINDS.get((round(min(x1 - x0, y1 - y0)), round(max(x1 - x0, y1 - y0))), "sliding door")
            gap = max(x0 - there[0], there[0] - x1, y0 - there[1], there[1] - y1) - physics.HALF_WIDTH
            clearances[kind] = min(gap, clearances.get(kind, np.inf))
    return rewards, episode["reward"], clearances


@pytest.mark.parametrize("number", range(4))
def test_the_recorded_ways_give_the_recorded_rewards(number):
    rewards, expected, _ = played(number)
    assert rewards.tolist() == expected.tolist()


@pytest.mark.parametrize(("number", "met"), [(0, "open door"), (1, "closed door"), (2, "open door"), (3, "open door")])
def test_the_recorded_ways_end_an_eighth_before_what_is_solid(number, met):
    """Where the engine's traces end: floors, cells, doors and what open doors leave are where they were."""
    _, _, clearances = played(number)
    assert {"wall", "closed door", met} <= set(clearances)
    for kind, clearance in clearances.items():
        assert clearance == pytest.approx(physics.CLIP_EPSILON, abs=0.02), kind


# --- a player that sees everything ---


def test_the_oracle_reaches_the_goal():
    level = levels.LEVELS[LEVEL]
    for seed in range(40):
        slots, reward = np.zeros(1, SLOT), np.zeros(1, np.float32)
        slots["seed"] = seed
        levels.begin_episode(level, slots[0])
        oracle = KeysDoorsOracle()
        while not slots["over"]:
            actions = np.array([oracle(slots[0])])
            levels.advance(slots, 0, 1, actions, ACTION_REPEAT, reward, *level.rules(3600))
        assert reward[0] >= 52 and slots[0]["frame"] < 2400


def test_the_oracle_does_nothing_once_the_goal_is_out_of_reach():
    slot = new_slot(TWO_ROOMS)
    physics.place(slot, 350.0, 350.0, 25.125, 0.0)
    assert plan(slot)[-1] == (2, 8) and KeysDoorsOracle()(slot) != NOTHING
    visit(slot, 250, 250)
    visit(slot, 450, 250)  # the key of no door replaces that of the only one
    assert plan(slot) == [] and KeysDoorsOracle()(slot) == NOTHING
