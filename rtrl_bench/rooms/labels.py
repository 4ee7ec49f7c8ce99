"""What a picture of a level shows, read from the simulator's state: what a vision stem can be taught without rewards.

`in_view` gives a dictionary of arrays whose first axis is that of the slots. Integers are classes, `CLASSES[level]` of
each, where 0 stands for none; a row of DIRECTIONS of them says what stands in each direction of the field of view (see
`sight.py`). Floats are measures, with NaN where there is nothing to measure: distances and places in world units, and
the cosine and sine of the way the player looks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rtrl_bench.rooms import maps, nonmatching, pictures, render, state
from rtrl_bench.rooms.keys_doors_map import COLOURS
from rtrl_bench.rooms.physics import GROUND_Z
from rtrl_bench.rooms.sight import Things, facing, floor_ahead, look

Labels = dict[str, np.ndarray]
FLOOR_STEP, FLOOR_FARTHEST = 10.0, 500.0  # to the edge of an island, in units
RAISED = 4.0  # units above the water: on the platform

CLASSES = {
    "rooms_select_nonmatching_object": {
        "colour": 1 + nonmatching.VARIANTS,
        "shape": 1 + len(pictures.SHAPES),
        "room": 2,
    },
    "rooms_watermaze": {"painting": 1 + len(pictures.PAINTINGS), "raised": 2},
    "rooms_keys_doors_puzzle": {"key": 1 + len(COLOURS), "door": 1 + len(COLOURS), "goal": 2, "held": 1 + len(COLOURS)},
}


def in_view(level: str, slots: np.ndarray) -> Labels:
    """The labels of what the players in `slots`, records of state.SLOT, see in `level`."""
    return _READ[level](slots)


def _nonmatching(slots: np.ndarray) -> Labels:
    sprites, there = _rows(slots, "sprites", "sprite_count")
    seen = look(slots, _drawn(slots, sprites, there), _NONMATCHING_WALLS)
    return {
        "colour": _of(seen.which, sprites[..., state.SPRITE_COLOUR]),
        "shape": _of(seen.which, sprites[..., state.SPRITE_PICTURE]),
        "distance": seen.distance,
        "room": (slots["x"] > _BETWEEN_ROOMS)[:, None].astype(np.int64),
        "place": _place(slots),
        "heading": _heading(slots),
    }


def _watermaze(slots: np.ndarray) -> Labels:
    ends = np.broadcast_to(_PAINTINGS, (len(slots), *_PAINTINGS.shape))
    seen = look(slots, Things(ends, np.ones(ends.shape[:2], bool)))
    raised = slots["z"] > maps.WATER_Z + GROUND_Z + RAISED
    return {
        "painting": seen.which + 1,
        "distance": seen.distance,
        "raised": raised[:, None].astype(np.int64),
        "place": _place(slots),
        "heading": _heading(slots),
    }


def _keys_doors(slots: np.ndarray) -> Labels:
    """Without the place, as a picture does not tell where among the islands it was taken."""
    sprites, there = _rows(slots, "sprites", "sprite_count")
    fences, fenced = _rows(slots, "fences", "fence_count")
    goals = sprites[..., state.SPRITE_PICTURE] == pictures.GOAL
    key, goal = (look(slots, _drawn(slots, sprites, there & kind)) for kind in (~goals, goals))
    columns = [state.FENCE_X0, state.FENCE_Y0, state.FENCE_X1, state.FENCE_Y1]
    ends = fences[..., columns].reshape(*fences.shape[:2], 2, 2)
    door = look(slots, Things(ends, fenced & (fences[..., state.FENCE_OPEN] < 0)))
    return {
        "key": _of(key.which, sprites[..., state.SPRITE_COLOUR] - pictures.FIRST_DOOR_COLOUR),
        "key_distance": key.distance,
        "door": _of(door.which, fences[..., state.FENCE_COLOUR] - pictures.FIRST_DOOR_COLOUR),
        "door_distance": door.distance,
        "goal": (goal.which >= 0).astype(np.int64),
        "goal_distance": goal.distance,
        "held": slots["held"][:, None] + 1,
        "floor": floor_ahead(slots, state.CELL, FLOOR_STEP, FLOOR_FARTHEST),
        "heading": _heading(slots),
    }


_READ: dict[str, Callable[[np.ndarray], Labels]] = {
    "rooms_select_nonmatching_object": _nonmatching,
    "rooms_watermaze": _watermaze,
    "rooms_keys_doors_puzzle": _keys_doors,
}
_NONMATCHING_WALLS = maps.NONMATCHING_WALLS[:, :4].reshape(-1, 2, 2).astype(np.float64)
_BETWEEN_ROOMS = (maps.PAD[2] + maps.ARRIVAL[0]) / 2
_PAINTINGS = maps.WATERMAZE_WALLS[maps.WATERMAZE_WALLS[:, 6] >= maps.FIRST_PAINTING, :4].reshape(-1, 2, 2)


def _rows(slots: np.ndarray, name: str, count: str) -> tuple[np.ndarray, np.ndarray]:
    """Sprites or fences (B, n, columns), n as small as the slots allow, and which of them there are (B, n)."""
    rows = slots[name][:, : max(1, int(slots[count].max()))]
    return rows, np.arange(rows.shape[1]) < slots[count][:, None]


def _drawn(slots: np.ndarray, sprites: np.ndarray, there: np.ndarray) -> Things:
    """Sprites as large as they are drawn: in the first second of a map they grow."""
    grown = np.minimum(1.0, (slots["server_ms"] + slots["residual_ms"]) / render.GROWING_MS)
    width = sprites[..., state.SPRITE_SIZE] * grown[:, None]
    return facing(slots, sprites[..., state.SPRITE_X], sprites[..., state.SPRITE_Y], width, there)


def _of(which: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The class, from 1 on, of the thing in each direction, where things (B, n) have these numbers from 0 on."""
    picked = np.take_along_axis(number, which.clip(0), axis=1).astype(np.int64)
    return np.where(which < 0, 0, picked + 1)


def _place(slots: np.ndarray) -> np.ndarray:
    return np.stack([slots["x"], slots["y"]], axis=-1).astype(np.float32)


def _heading(slots: np.ndarray) -> np.ndarray:
    yaw = np.radians(slots["yaw"])
    return np.stack([np.cos(yaw), np.sin(yaw)], axis=-1).astype(np.float32)
