"""What stands in each direction of the field of view, by plane geometry on the simulator's state; nothing is drawn.

The field of view, 90 degrees, is cut into DIRECTIONS of equal angles, from left to right. A thing stands in a direction
if the line of sight to its middle lies in it, or if the direction's middle line meets the thing. Of several things the
nearest counts. What is narrower than about a pixel, or has its middle behind a wall, is not in view.

Angles are in radians, counter-clockwise from the way the player looks; lengths in world units.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rtrl_bench.rooms.raster import WIDTH

DIRECTIONS = 8
FIELD = math.pi / 2
_WIDE = FIELD / DIRECTIONS
_MIDDLES = FIELD / 2 - _WIDE * (np.arange(DIRECTIONS) + 0.5)
_NARROWEST = FIELD / WIDTH


class Things(NamedTuple):
    """Upright things of every slot, as segments of the ground."""

    ends: np.ndarray  # (B, n, 2, 2): x, y of both
    there: np.ndarray  # bool (B, n)


class Seen(NamedTuple):
    """The nearest thing in each direction."""

    which: np.ndarray  # int64 (B, DIRECTIONS): its number, -1 where there is none
    distance: np.ndarray  # float32 (B, DIRECTIONS): from the player to its middle, NaN where there is none


NO_WALLS = np.empty((0, 2, 2))


def facing(slots: np.ndarray, x: np.ndarray, y: np.ndarray, width: np.ndarray, there: np.ndarray) -> Things:
    """Things of so much `width` around (x, y), all (B, n), that always turn towards the viewer."""
    yaw = np.radians(slots["yaw"])[:, None]
    half_x, half_y = -np.sin(yaw) * width / 2, np.cos(yaw) * width / 2
    ends = np.stack([np.stack([x + s * half_x, y + s * half_y], axis=-1) for s in (1, -1)], axis=-2)
    return Things(ends, there)


def look(slots: np.ndarray, things: Things, walls: np.ndarray = NO_WALLS) -> Seen:
    """What stands in each direction of the slots' players; walls, segments (m, 2, 2), hide what is behind them."""
    eye = np.stack([slots["x"], slots["y"]], axis=-1)
    ahead, left = _turned(things.ends - eye[:, None, None], slots["yaw"])
    middle_ahead, middle_left = ahead.mean(axis=-1), left.mean(axis=-1)
    middle, edges = np.arctan2(middle_left, middle_ahead), np.arctan2(left, ahead)
    wide = np.abs(_wrapped(edges[..., 0] - edges[..., 1])) >= _NARROWEST
    seen = things.there & wide & ~_hidden(eye, things.ends.mean(axis=-2), walls)
    contains = np.abs(_wrapped(middle[..., None] - _MIDDLES)) < _WIDE / 2
    there = seen[..., None] & (contains | _met(ahead, left))
    distance = np.where(there, np.hypot(middle_ahead, middle_left)[..., None], np.inf)
    which, nearest = distance.argmin(axis=1), distance.min(axis=1)
    none = np.isinf(nearest)
    return Seen(np.where(none, -1, which), np.where(none, np.nan, nearest).astype(np.float32))


def _turned(offsets: np.ndarray, yaw_degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (B, n, 2, 2) from the player as parts ahead of it and to its left, (B, n, 2) each."""
    yaw = np.radians(yaw_degrees)[:, None, None]
    x, y = offsets[..., 0], offsets[..., 1]
    return x * np.cos(yaw) + y * np.sin(yaw), y * np.cos(yaw) - x * np.sin(yaw)


def _met(ahead: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Where the middle line of a direction meets the segment between the ends, (B, n, DIRECTIONS)."""
    cos, sin = np.cos(_MIDDLES), np.sin(_MIDDLES)
    aside = left[..., None] * cos - ahead[..., None] * sin  # of each end, to the left of the line
    along = ahead[..., None] * cos + left[..., None] * sin
    first, second = aside[:, :, 0], aside[:, :, 1]
    crossing = (first > 0) != (second > 0)
    share = first / np.where(crossing, first - second, 1)
    return crossing & (along[:, :, 0] + share * (along[:, :, 1] - along[:, :, 0]) > 0)


def _hidden(eye: np.ndarray, points: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Which of the points (B, n, 2) a wall stands before, as seen from `eye` (B, 2)."""
    a, b = eye[:, None, None], points[:, :, None]
    c, d = walls[:, 0], walls[:, 1]
    between = (_side(a, b, c) > 0) != (_side(a, b, d) > 0)
    return (between & ((_side(c, d, a) > 0) != (_side(c, d, b) > 0))).any(axis=-1)


def _side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Positive where c is to the left of the way from a to b."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angle in [-π, π)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def floor_ahead(slots: np.ndarray, cell: float, step: float, farthest: float) -> np.ndarray:
    """How far the slot's floor goes along the middle line of each direction, float32 (B, DIRECTIONS).

    `cell` is the side of the floor's cells; it is tried every `step` units, up to `farthest`.
    """
    angle = np.radians(slots["yaw"])[:, None] + _MIDDLES
    far = np.arange(step, farthest + step / 2, step)
    x = slots["x"][:, None, None] + far * np.cos(angle)[..., None]
    y = slots["y"][:, None, None] + far * np.sin(angle)[..., None]
    rows, columns = slots["floor"].shape[1:]
    row, column = np.floor(y / cell).astype(int), np.floor(x / cell).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    slot = np.arange(len(slots))[:, None, None]
    floor = inside & (slots["floor"][slot, row.clip(0, rows - 1), column.clip(0, columns - 1)] > 0)
    reach = np.where(floor.all(axis=-1), len(far), (~floor).argmax(axis=-1))
    return (reach * step).astype(np.float32)
