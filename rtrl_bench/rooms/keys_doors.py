"""rooms_keys_doors_puzzle: what is solid, and what touching keys, doors and the goal does.

Source of the rules: DeepMind Lab at commit b1db91a, game_scripts/factories/rooms/keys_doors_puzzle_factory.lua,
game_scripts/map_generators/keys_doors. What is called "measured" was read off positions that the engine recorded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rtrl_bench.rooms import clock, state
from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.keys_doors_map import Cell, Layout, cell_centre, generate
from rtrl_bench.rooms.physics import GROUND_Z, HALF_WIDTH, place, touches_item
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR, GOAL, KEY

KEY_SIZE, GOAL_SIZE = 83.0, 87.0  # units, of a square picture
FLOOR_Z = 1.0  # measured: floor and invisible walls stand a unit out of their cells
WALL_MARGIN = 1.0
DOOR_THICKNESS = 8.0
DOOR_LIP = 5.0  # measured: what an open door leaves in the way, at the north or east end
SLIDE_FRAMES = 18  # 0.3 s
END_FRAMES = 12  # 0.2 s from the goal to the end
KEY_REWARD, DOOR_REWARD, GOAL_REWARD = 1.0, 1.0, 50.0
LOADED_RESIDUALS_MS = (clock.RESIDUAL_MS, clock.RESIDUAL_MS + clock.FRAME_MS, clock.RESIDUAL_MS + clock.FRAME_MS)
"""Of clock.start: a load takes a frame more in six of nine recorded episodes (drawn with that chance)."""
REACH = 24.0  # around the player, for `solids`: half its width and more than it moves in a frame


def begin(slot: Any, random: np.random.Generator) -> None:
    """Start an episode in `slot`, a record of state.SLOT: a new puzzle, the player somewhere in its start room."""
    layout = generate(random)
    spawn = layout.spawn_cells[int(random.integers(len(layout.spawn_cells)))]
    lay_out(slot, layout)
    place(slot, *cell_centre(spawn), FLOOR_Z + GROUND_Z, random.uniform(0.0, 360.0))
    clock.start(slot, LOADED_RESIDUALS_MS[int(random.integers(len(LOADED_RESIDUALS_MS)))])


def lay_out(slot: Any, layout: Layout) -> None:
    """Write an untouched puzzle into `slot`."""
    objects = [(*cell_centre(key.cell), 0.0, KEY_SIZE, KEY, FIRST_DOOR_COLOUR + key.colour) for key in layout.keys]
    objects.append((*cell_centre(layout.goal), 0.0, GOAL_SIZE, GOAL, 0))
    fences = [(*_across(d.cell, d.north_south), FIRST_DOOR_COLOUR + d.colour, -1) for d in layout.doors]
    slot["floor"], slot["sprites"], slot["fences"] = layout.floor, 0.0, 0.0
    slot["sprites"][: len(objects)] = objects
    slot["fences"][: len(fences)] = fences
    slot["sprite_count"], slot["fence_count"] = len(objects), len(fences)
    slot["held"], slot["event"], slot["pending"] = -1, -1, 0.0


def _across(cell: Cell, north_south: bool) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of a door: across the middle of its cell, towards where it slides to."""
    x, y = cell_centre(cell)
    if north_south:
        return x - state.CELL / 2, y, x + state.CELL / 2, y
    return x, y - state.CELL / 2, x, y + state.CELL / 2


@compiled
def solids(slot, boxes):
    """What is solid within REACH of the player, into boxes (8 or more, 4), rows x0, y0, x1, y1; returns how many."""
    count = 0
    for row in range(math.floor((slot.y - REACH) / state.CELL), math.floor((slot.y + REACH) / state.CELL) + 1):
        for column in range(math.floor((slot.x - REACH) / state.CELL), math.floor((slot.x + REACH) / state.CELL) + 1):
            inside = 0 <= row < state.GRID[0] and 0 <= column < state.GRID[1]
            if inside and slot.floor[row, column]:
                continue
            x, y = column * state.CELL, row * state.CELL
            boxes[count, 0], boxes[count, 1] = x - WALL_MARGIN, y - WALL_MARGIN
            boxes[count, 2], boxes[count, 3] = x + state.CELL + WALL_MARGIN, y + state.CELL + WALL_MARGIN
            count += 1
    for k in range(slot.fence_count):
        x0, y0, x1, y1 = _door_box(slot.fences, k)
        if x0 - REACH < slot.x < x1 + REACH and y0 - REACH < slot.y < y1 + REACH:
            boxes[count, 0], boxes[count, 1], boxes[count, 2], boxes[count, 3] = x0, y0, x1, y1
            count += 1
    return count


@compiled
def door_start(fences, k):
    """x, y where door k begins; it ends at its FENCE_X1, FENCE_Y1 as ever.

    Whole while closed (FENCE_OPEN < 0) and in the frame in which it opens (0), it slides at an even speed towards its
    end, until after SLIDE_FRAMES the last DOOR_LIP units remain for good.
    """
    gone = min(max(fences[k, state.FENCE_OPEN], 0.0) / SLIDE_FRAMES, 1.0) * (state.CELL - DOOR_LIP) / state.CELL
    x0, y0 = fences[k, state.FENCE_X0], fences[k, state.FENCE_Y0]
    return x0 + gone * (fences[k, state.FENCE_X1] - x0), y0 + gone * (fences[k, state.FENCE_Y1] - y0)


@compiled
def _door_box(fences, k):
    """x0, y0, x1, y1 of what remains of door k."""
    x0, y0 = door_start(fences, k)
    half = DOOR_THICKNESS / 2
    if fences[k, state.FENCE_X0] == fences[k, state.FENCE_X1]:
        return x0 - half, y0, x0 + half, fences[k, state.FENCE_Y1]
    return x0, y0 - half, fences[k, state.FENCE_X1], y0 + half


@compiled
def after_move(slot):
    """The rules after the player has moved and `frame` was counted; the frame's reward.

    The engine gives the reward of a touch one frame after it (measured).
    """
    reward = slot.pending
    slot.pending = _open_doors(slot) + _take_objects(slot)
    if slot.event >= 0 and slot.frame - slot.event >= END_FRAMES:
        slot.over = 1
    return reward


@compiled
def _open_doors(slot):
    """A door opens for good when the player's box enters its cell with a key of its colour, which is used up."""
    fences, reach, reward = slot.fences, state.CELL / 2 + HALF_WIDTH, 0.0
    for k in range(slot.fence_count):
        if fences[k, state.FENCE_OPEN] >= 0:
            fences[k, state.FENCE_OPEN] = min(fences[k, state.FENCE_OPEN] + 1, SLIDE_FRAMES)
            continue
        x = slot.x - (fences[k, state.FENCE_X0] + fences[k, state.FENCE_X1]) / 2
        y = slot.y - (fences[k, state.FENCE_Y0] + fences[k, state.FENCE_Y1]) / 2
        if slot.held == fences[k, state.FENCE_COLOUR] - FIRST_DOOR_COLOUR and abs(x) < reach and abs(y) < reach:
            fences[k, state.FENCE_OPEN] = 0
            slot.held = -1
            reward += DOOR_REWARD
    return reward


@compiled
def _take_objects(slot):
    """Objects within reach are taken out of the world; a new key destroys the one that was held."""
    sprites, reward, kept = slot.sprites, 0.0, 0
    for k in range(slot.sprite_count):
        if not touches_item(slot, sprites[k, state.SPRITE_X], sprites[k, state.SPRITE_Y]):
            for column in range(sprites.shape[1]):
                sprites[kept, column] = sprites[k, column]
            kept += 1
        elif sprites[k, state.SPRITE_PICTURE] == GOAL:
            slot.event = slot.frame
            reward += GOAL_REWARD
        else:
            slot.held = int(sprites[k, state.SPRITE_COLOUR]) - FIRST_DOOR_COLOUR
            reward += KEY_REWARD
    slot.sprite_count = kept
    return reward
