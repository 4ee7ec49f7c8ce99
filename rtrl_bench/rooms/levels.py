"""The rules of the levels, frame by frame, and the table of levels.

The rules of each level are in `nonmatching.py`, `watermaze.py` and `keys_doors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rtrl_bench.rooms import clock, keys_doors, maps, nonmatching, physics, watermaze
from rtrl_bench.rooms.compiled import compiled

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

    def rules(self, last_frame: int) -> tuple[Any, ...]:
        """The last arguments of `advance`, for episodes that end with `last_frame` at the latest."""
        return self.number, last_frame, self.floor_z, self.boxes, self.planes


@compiled
def advance(slots, low, high, actions, frames, rewards, number, last_frame, floor_z, static_boxes, planes):
    """So many frames of slots low..high-1, each with its action held; what they earn is added to rewards (B,).

    Stops in a slot that is over, where the episode's end is the level's or its last frame.
    """
    boxes = np.empty((MAX_BOXES, 4))
    for k in range(len(static_boxes)):  # assigning the slice would compile four seconds longer
        for side in range(4):
            boxes[k, side] = static_boxes[k, side]
    for k in range(low, high):
        slot = slots[k]
        turn, strafe, forward = _ACTIONS[actions[k], 0], _ACTIONS[actions[k], 1], _ACTIONS[actions[k], 2]
        for _ in range(frames):
            if slot.over:
                break
            slot.frame += 1
            plays, ground, count = True, floor_z, len(static_boxes)
            if number == NONMATCHING:
                plays = nonmatching.before_move(slot)
            elif number == WATERMAZE:
                plays = watermaze.before_move(slot)
                ground = watermaze.ground_z(slot)
            else:
                count = keys_doors.solids(slot, boxes)
            duration = clock.tick(slot)
            if plays:
                physics.move(slot, duration, turn, strafe, forward, ground, boxes, count, planes)
            if number == NONMATCHING:
                reward = nonmatching.after_move(slot)
            elif number == WATERMAZE:
                reward = watermaze.after_move(slot)
            else:
                reward = keys_doors.after_move(slot)
            rewards[k] += reward
            slot.score += reward
            if slot.frame >= last_frame:
                slot.over = 1


def _drawing_itself(begin: Callable[[Any], None]) -> Callable[[Any, np.random.Generator], None]:
    """A compiled `begin`, which draws from the slot's own generator."""
    return lambda slot, random: begin(slot)


_NOTHING, _OPEN = np.zeros((0, 4)), np.zeros((0, 3))
LEVELS = {
    "rooms_select_nonmatching_object": Level(
        NONMATCHING, _drawing_itself(nonmatching.begin), 0.0, maps.NONMATCHING_BOXES, _OPEN
    ),
    "rooms_watermaze": Level(
        WATERMAZE, _drawing_itself(watermaze.begin), maps.WATER_Z, _NOTHING, maps.WATERMAZE_PLANES
    ),
    "rooms_keys_doors_puzzle": Level(KEYS_DOORS, keys_doors.begin, keys_doors.FLOOR_Z, _NOTHING, _OPEN),
}


def begin_episode(level: Level, slot: Any) -> None:
    """The slot's next episode, decided by its seed and the episode's number alone."""
    random = np.random.default_rng((int(slot["seed"]), int(slot["episode"])))
    slot["rng"] = random.integers(2**64, dtype=np.uint64)
    slot["episode"] += 1
    slot["frame"], slot["over"], slot["found_ms"] = 0, 0, -1
    slot["pending"], slot["score"] = 0.0, 0.0
    slot["sprite_count"], slot["fence_count"], slot["held"], slot["event"] = 0, 0, -1, -1
    level.begin(slot, random)
