"""Slots at chosen places and the frames that the renderer makes of them."""

from __future__ import annotations

import numpy as np

from rtrl_bench.rooms import render, scenes
from rtrl_bench.rooms.physics import GROUND_Z
from rtrl_bench.rooms.state import GRID, SLOT

NONMATCHING, WATERMAZE, KEYS = "rooms_select_nonmatching_object", "rooms_watermaze", "rooms_keys_doors_puzzle"
FLOOR_Z = {NONMATCHING: 0.0, WATERMAZE: 16.0, KEYS: 1.0}
EYE = 26.0 + GROUND_Z  # above the floor
ROWS = (36 - 0.5 - np.arange(72))[:, None] / 48  # slope upwards of a row's ray
GROWN_MS = 2000  # after a map's load, when items have their size
COLUMNS = (np.arange(96) + 0.5 - 48)[None, :] / 48  # and to the right of a column's
ISLANDS = np.zeros(GRID, np.uint8)
ISLANDS[1:3, 1:4] = ISLANDS[4:6, 1:4] = ISLANDS[2, 4:6] = ISLANDS[3, 2] = 1


def slots_at(level, poses):
    """A slot for each pose (x, y, yaw), without objects."""
    slots = np.zeros(len(poses), SLOT)
    slots["x"], slots["y"], slots["yaw"] = np.transpose(poses)
    slots["z"] = FLOOR_Z[level] + GROUND_Z
    slots["held"] = slots["event"] = -1
    slots["server_ms"] = GROWN_MS
    slots["floor"] = ISLANDS
    return slots


def slot_at(level, pose, sprites=(), fences=(), frame=0):
    slots = slots_at(level, [pose])
    slots["frame"] = frame
    for name, count, rows in (("sprites", "sprite_count", sprites), ("fences", "fence_count", fences)):
        slots[count] = len(rows)
        for k, row in enumerate(rows):
            slots[name][0, k] = row
    return slots


def bare(level):
    """The level's scene without what stands in the map for good and what is written over the picture."""
    return scenes.scene(level, hud=False)._replace(drums=np.zeros((0, 6), np.float32))


def frames_of(level, slots, scene=None):
    """Frames (slot, 72, 96, 3), as integers."""
    frames = np.full((len(slots), 72, 96, 3), 77, np.uint8)
    render.draw(slots, 0, len(slots), frames, False, scene or bare(level))
    return frames.astype(int)


def frame_of(level, *pose_and_objects, scene=None, **objects):
    return frames_of(level, slot_at(level, *pose_and_objects, **objects), scene)[0]
