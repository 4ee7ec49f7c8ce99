"""The rules of the levels, frame by frame, and the table of levels.

Source: DeepMind Lab at commit b1db91a, game_scripts/factories/rooms (what is redrawn when, rewards) and the entities of
the maps; delays between a touch and what follows are those of recordings of the engine. One is not certain: a visit of
the platform here lasts a second beyond its last reward, as one of three recorded visits; the other two ended at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rtrl_bench.envs.dmlab_levels import ACTION_REPEAT
from rtrl_bench.envs.rooms import keys_doors, maps, physics
from rtrl_bench.envs.rooms.compiled import compiled
from rtrl_bench.envs.rooms.state import (
    SPRITE_COLOUR,
    SPRITE_PICTURE,
    SPRITE_SIZE,
    SPRITE_X,
    SPRITE_Y,
    SPRITE_Z,
    uniform,
)

NONMATCHING, WATERMAZE, KEYS_DOORS = range(3)
MAX_BOXES = 16
_ACTIONS = physics.ACTIONS


class Level(NamedTuple):
    """`number` selects the rules in `advance`; `begin(slot, random)` sets up an episode in a slot."""

    number: int
    begin: Callable[[Any, np.random.Generator], None]
    floor_z: float
    boxes: np.ndarray  # (n, 4), solid for as long as the level lasts
    planes: np.ndarray  # (m, 3), around everything


# --- rooms_select_nonmatching_object: walk onto the pad, then to the object that the first room did not show ---

OBJECTS, VARIANTS = 36, 3  # 12 shapes in 3 colours
OBJECT_SIZE, OBJECT_Z = 32.0, 20.0
RIGHT, WRONG, PAD = 10.0, -10.0, 1.0


@compiled
def _begin_nonmatching(slot):
    slot.match = int(uniform(slot) * OBJECTS)
    slot.pending = 0.0
    _new_trial(slot)


@compiled
def _new_trial(slot):
    """The match stays for the episode; the other object and all places are drawn again."""
    slot.event = -1
    other = (slot.match + 1 + int(uniform(slot) * (OBJECTS - 1))) % OBJECTS
    example = int(uniform(slot) * 2)
    slot.choice = int(uniform(slot) * 2)
    slot.sprite_count = 3
    _put(slot, 0, maps.EXAMPLES[example], slot.match)
    _put(slot, 1, maps.CHOICES[slot.choice], other)
    _put(slot, 2, maps.CHOICES[1 - slot.choice], slot.match)
    physics.place(slot, maps.SPAWN[0], maps.SPAWN[1], physics.GROUND_Z, 0.0)


@compiled
def _put(slot, index, place, which):
    sprite = slot.sprites[index]
    sprite[SPRITE_X], sprite[SPRITE_Y] = place[0], place[1]
    sprite[SPRITE_Z], sprite[SPRITE_SIZE] = OBJECT_Z, OBJECT_SIZE
    sprite[SPRITE_PICTURE], sprite[SPRITE_COLOUR] = which // VARIANTS, which % VARIANTS


@compiled
def _nonmatching_frame(slot):
    """The reward comes a frame after the touch, a new trial one more frame later."""
    reward = slot.pending
    slot.pending = 0.0
    if slot.event >= 0:
        if slot.frame - slot.event == 2:
            _new_trial(slot)
        return reward
    x0, y0, x1, y1 = maps.PAD
    reach = physics.HALF_WIDTH
    if x0 <= slot.x + reach and slot.x - reach <= x1 and y0 <= slot.y + reach and slot.y - reach <= y1:
        slot.pending = PAD
        physics.teleport(slot, maps.ARRIVAL[0], maps.ARRIVAL[1], maps.ARRIVAL[2])
    for index in range(1, 3):
        if physics.touches_item(slot, slot.sprites[index, SPRITE_X], slot.sprites[index, SPRITE_Y]):
            slot.event = slot.frame
            slot.pending = RIGHT if index == 1 else WRONG
    return reward


# --- rooms_watermaze: find the platform under water, again and again ---

PLATFORM_RADIUS = 580.0
VISIT_REWARDS = 5
SNAP_FRAMES, RAISE_FRAMES, REWARD_FRAMES = 6, 8, 15  # after the touch: held, lifted, first rewarded
HOLD_FRAMES = 6  # put back to the centre every 100 ms
REWARD_PERIOD = 1000.0 / physics.FRAME_MS  # in frames
RAISED, RAISE_SPEED = 78.0, 8.6  # units, units per frame


@compiled
def _begin_watermaze(slot):
    radius = PLATFORM_RADIUS * math.sqrt(uniform(slot))
    angle = 2.0 * math.pi * uniform(slot)
    slot.platform_x, slot.platform_y = radius * math.cos(angle), radius * math.sin(angle)
    _spawn_in_water(slot)


@compiled
def _spawn_in_water(slot):
    slot.event, slot.given = -1, 0
    place = maps.WATER_SPAWNS[int(uniform(slot) * len(maps.WATER_SPAWNS))]
    yaw = 360.0 * uniform(slot) - 180.0
    physics.place(slot, place[0], place[1], maps.WATER_Z + physics.GROUND_Z, yaw)


@compiled
def _watermaze_frame(slot):
    if slot.event < 0:
        dx, dy = abs(slot.x - slot.platform_x), abs(slot.y - slot.platform_y)
        if dx < 79.0 and dy < 79.0 and dx + dy < 120.0:  # the player's box and an octagon of 64
            slot.event = slot.frame
        return 0.0
    since = slot.frame - slot.event
    if since >= SNAP_FRAMES and (since - SNAP_FRAMES) % HOLD_FRAMES == 0:
        slot.x, slot.y, slot.vx, slot.vy = slot.platform_x, slot.platform_y, 0.0, 0.0
    if since >= RAISE_FRAMES:
        slot.z = maps.WATER_Z + physics.GROUND_Z + min(RAISED, RAISE_SPEED * (since - RAISE_FRAMES))
    if since < REWARD_FRAMES + math.ceil(slot.given * REWARD_PERIOD):
        return 0.0
    if slot.given == VISIT_REWARDS:
        _spawn_in_water(slot)
        return 0.0
    slot.given += 1
    return 1.0


# --- all levels ---


@compiled
def advance(slots, low, high, actions, rewards, number, last_frame, floor_z, static_boxes, planes):
    """An agent step of slots low..high-1, each with its action held for ACTION_REPEAT frames; rewards (B,) are summed.

    Stops in a slot that is over, where the episode's end is the level's or its last frame.
    """
    boxes = np.empty((MAX_BOXES, 4))
    for k in range(len(static_boxes)):  # assigning the slice would compile four seconds longer
        for side in range(4):
            boxes[k, side] = static_boxes[k, side]
    for k in range(low, high):
        slot = slots[k]
        turn, strafe, forward = _ACTIONS[actions[k], 0], _ACTIONS[actions[k], 1], _ACTIONS[actions[k], 2]
        rewards[k] = 0.0
        for _ in range(ACTION_REPEAT):
            if slot.over:
                break
            slot.frame += 1
            count = keys_doors.solids(slot, boxes) if number == KEYS_DOORS else len(static_boxes)
            ground = floor_z
            if number == WATERMAZE and slot.event >= 0:
                ground = slot.z - physics.GROUND_Z  # held by the platform
            physics.move(slot, turn, strafe, forward, ground, boxes, count, planes)
            if number == NONMATCHING:
                rewards[k] += _nonmatching_frame(slot)
            elif number == WATERMAZE:
                rewards[k] += _watermaze_frame(slot)
            else:
                rewards[k] += keys_doors.frame(slot)
            if slot.frame >= last_frame:
                slot.over = 1


def _drawing_itself(begin: Callable[[Any], None]) -> Callable[[Any, np.random.Generator], None]:
    """A compiled `begin`, which draws from the slot's own generator."""
    return lambda slot, random: begin(slot)


_NOTHING, _OPEN = np.zeros((0, 4)), np.zeros((0, 3))
LEVELS = {
    "rooms_select_nonmatching_object": Level(
        NONMATCHING, _drawing_itself(_begin_nonmatching), 0.0, maps.NONMATCHING_BOXES, _OPEN
    ),
    "rooms_watermaze": Level(
        WATERMAZE, _drawing_itself(_begin_watermaze), maps.WATER_Z, _NOTHING, maps.WATERMAZE_PLANES
    ),
    "rooms_keys_doors_puzzle": Level(KEYS_DOORS, keys_doors.begin, keys_doors.FLOOR_Z, _NOTHING, _OPEN),
}


def begin_episode(level: Level, slot: Any) -> None:
    """The slot's next episode, decided by its seed and the episode's number alone."""
    random = np.random.default_rng((int(slot["seed"]), int(slot["episode"])))
    slot["rng"] = random.integers(2**64, dtype=np.uint64)
    slot["episode"] += 1
    slot["frame"], slot["over"], slot["pending"] = 0, 0, 0.0
    slot["sprite_count"], slot["fence_count"], slot["held"], slot["event"] = 0, 0, -1, -1
    level.begin(slot, random)
