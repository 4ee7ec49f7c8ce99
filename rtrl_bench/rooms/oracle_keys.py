"""A player of rooms_keys_doors_puzzle that sees the whole state: for tests, videos and as an upper reference."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

from rtrl_bench.rooms import state
from rtrl_bench.rooms.keys_doors_map import Cell, cell_centre
from rtrl_bench.rooms.oracles import NOTHING, walk_to
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR, GOAL

ARRIVED = 45.0  # units from a cell's centre, which is as far as the player slides after it stops walking


class _Situation(NamedTuple):
    """Where the player is and what of the world has changed."""

    cell: Cell
    held: int
    closed: frozenset[Cell]
    keys: frozenset[Cell]  # still lying there


class KeysDoorsOracle:
    """Shortest way to the goal over cells, keys and doors; walked from centre to centre.

    Call it with the slot's record, once per agent step, to get an action 0..8; one object per slot. It plans anew when
    a key or a door has changed, and does nothing once the goal cannot be reached any more.
    """

    def __init__(self) -> None:
        self._planned_for: tuple[Any, ...] | None = None
        self._way: list[Cell] = []

    def __call__(self, slot: Any) -> int:
        counts = (int(slot["episode"]), int(slot["held"]), int(slot["sprite_count"]), len(_closed_doors(slot)))
        if counts != self._planned_for:
            self._planned_for, self._way = counts, plan(slot)
        while len(self._way) > 1 and math.dist((slot["x"], slot["y"]), cell_centre(self._way[0])) < ARRIVED:
            self._way.pop(0)
        return walk_to(slot, *cell_centre(self._way[0])) if self._way else NOTHING


def plan(slot: Any) -> list[Cell]:
    """Cells from the player's own to the goal's on a shortest way; empty if there is none."""
    doors, keys = _closed_doors(slot), _objects(slot, goal=False)
    goals = _objects(slot, goal=True)
    start = _Situation(_cell(slot["x"], slot["y"]), int(slot["held"]), frozenset(doors), frozenset(keys))
    came_from: dict[_Situation, _Situation | None] = {start: None}
    queue = deque([start] if goals else [])
    while queue:
        now = queue.popleft()
        if now.cell in goals:
            return _way_to(now, came_from)
        row, column = now.cell
        for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            after = _enter(now, cell, doors, keys) if slot["floor"][cell] else None
            if after is not None and after not in came_from:
                came_from[after] = now
                queue.append(after)
    return []


def _enter(now: _Situation, cell: Cell, doors: dict[Cell, int], keys: dict[Cell, int]) -> _Situation | None:
    """What follows from stepping onto `cell`; None where a closed door stops the player."""
    if cell in now.closed:
        if doors[cell] != now.held:
            return None
        return now._replace(cell=cell, held=-1, closed=now.closed - {cell})
    if cell in now.keys:
        return now._replace(cell=cell, held=keys[cell], keys=now.keys - {cell})
    return now._replace(cell=cell)


def _way_to(situation: _Situation, came_from: dict[_Situation, _Situation | None]) -> list[Cell]:
    way: list[Cell] = []
    step: _Situation | None = situation
    while step is not None:
        way.append(step.cell)
        step = came_from[step]
    return way[::-1]


def _cell(x: float, y: float) -> Cell:
    return int(y // state.CELL), int(x // state.CELL)


def _closed_doors(slot: Any) -> dict[Cell, int]:
    """Colours of the closed doors, by cell."""
    fences = slot["fences"][: slot["fence_count"]]
    x = (fences[:, state.FENCE_X0] + fences[:, state.FENCE_X1]) / 2
    y = (fences[:, state.FENCE_Y0] + fences[:, state.FENCE_Y1]) / 2
    return {
        _cell(*middle): int(fence[state.FENCE_COLOUR]) - FIRST_DOOR_COLOUR
        for *middle, fence in zip(x, y, fences)
        if fence[state.FENCE_OPEN] < 0
    }


def _objects(slot: Any, goal: bool) -> dict[Cell, int]:
    """Colours of the goal, or of the keys, by cell."""
    sprites = slot["sprites"][: slot["sprite_count"]]
    return {
        _cell(sprite[state.SPRITE_X], sprite[state.SPRITE_Y]): int(sprite[state.SPRITE_COLOUR]) - FIRST_DOOR_COLOUR
        for sprite in sprites
        if (sprite[state.SPRITE_PICTURE] == GOAL) == goal
    }
