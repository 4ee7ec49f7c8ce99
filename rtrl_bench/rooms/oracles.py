"""Players that see the whole state, for tests, films and as upper references: from a slot's record to an action."""

from __future__ import annotations

import math
from typing import Any

from rtrl_bench.rooms import maps
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, ACTIONS
from rtrl_bench.rooms.physics import DEGREES_PER_LOOK

FORWARD, LOOK_LEFT, LOOK_RIGHT, LEFT_FORWARD, RIGHT_FORWARD, NOTHING = (
    list(ACTIONS).index(name)
    for name in ("forward", "look left", "look right", "look left, forward", "look right, forward", "fire")
)
STEP_DEGREES = ACTION_REPEAT * DEGREES_PER_LOOK * ACTIONS["look right"][0]
WALKING_ERROR = 1.5 * STEP_DEGREES  # beyond, turn on the spot


def walk_to(slot: Any, x: float, y: float) -> int:
    """The action that brings the player nearer to (x, y) over open ground."""
    bearing = math.degrees(math.atan2(y - slot["y"], x - slot["x"]))
    left = (bearing - slot["yaw"] + 180.0) % 360.0 - 180.0
    if abs(left) > WALKING_ERROR:
        return LOOK_LEFT if left > 0 else LOOK_RIGHT
    if abs(left) > STEP_DEGREES / 2:
        return LEFT_FORWARD if left > 0 else RIGHT_FORWARD
    return FORWARD


def nonmatching(slot: Any) -> int:
    """Onto the pad, then to the object that was not shown."""
    x0, y0, x1, y1 = maps.PAD
    if slot["x"] < (x1 + maps.ARRIVAL[0]) / 2:
        return walk_to(slot, (x0 + x1) / 2, (y0 + y1) / 2)
    return walk_to(slot, *maps.CHOICES[slot["choice"]])


def watermaze(slot: Any) -> int:
    """Straight to the platform, then rest on it."""
    return walk_to(slot, slot["platform_x"], slot["platform_y"]) if slot["found_ms"] < 0 else NOTHING
