"""The puzzle of one episode of rooms_keys_doors_puzzle: its rooms, doors and keys.

Source of the rules: DeepMind Lab at commit b1db91a, game_scripts/map_generators/keys_doors/{configs,gen,room}.lua,
summarised as facts. Where the summary leaves a choice open, the simplest was taken, and a comment says "taken".

Cells are (row, column) = (y, x) of the floor; row 0 is the south edge. Colours are indices into COLOURS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np

from rtrl_bench.envs.rooms.state import GRID

COLOURS = ("red", "green", "blue", "white", "black")
PLACES = 3  # rows and columns of rooms
ROW_PITCH, COLUMN_PITCH, MARGIN = 3, 4, 2  # cells
ROOM_ROWS, ROOM_COLUMNS = 2, 3  # cells
EMPTY_ROOM_CHANCE = {1: 0.8, 2: 0.5, 3: 0.0}  # per step, by core length
OBJECTS_PER_ROOM, UNOPENABLE_DOORS = 2, 2

Cell = tuple[int, int]
T = TypeVar("T")


class Kind(Enum):
    """What a room is there for."""

    START = "start"
    CORE = "core"  # behind a core door, on the way to the goal
    EMPTY = "empty"  # on the way, without a door
    HERRING = "herring"  # nothing, behind a door of a core colour
    TRAP = "trap"  # a key that is of no more use, for the key that was needed elsewhere
    EXTRA = "extra"  # behind a door that no key opens


@dataclass(frozen=True)
class Room:
    """`place`: (row, column) among the rooms, row 0 in the south. `behind`: core doors on the only safe way to it."""

    place: tuple[int, int]
    kind: Kind
    behind: int = 0

    @property
    def corner(self) -> Cell:
        """Its south-west cell."""
        return MARGIN + ROW_PITCH * self.place[0], MARGIN + COLUMN_PITCH * self.place[1]

    @property
    def object_cells(self) -> tuple[Cell, Cell]:
        row, column = self.corner
        return (row, column), (row, column + ROOM_COLUMNS - 1)

    @property
    def hosts(self) -> bool:
        """Whether doors may lead on from it and keys lie in it."""
        return self.kind in (Kind.START, Kind.EMPTY, Kind.CORE)


@dataclass(frozen=True)
class Door:
    """In the gap between two rooms. `entry_of`: the index of the room made behind it; None where both were there."""

    cell: Cell
    north_south: bool  # the way through it
    colour: int
    entry_of: int | None


@dataclass(frozen=True)
class Key:
    cell: Cell
    colour: int


@dataclass(frozen=True)
class Layout:
    core_length: int
    rooms: tuple[Room, ...]  # the first is the start
    doors: tuple[Door, ...]
    keys: tuple[Key, ...]
    goal: Cell
    floor: np.ndarray  # (GRID) bool: rooms and the gaps that link them, doors or not

    @property
    def spawn_cells(self) -> tuple[Cell, ...]:
        """The start room's top row and the middle of its bottom row, all equally likely."""
        row, column = self.rooms[0].corner
        return (row + 1, column), (row + 1, column + 1), (row + 1, column + 2), (row, column + 1)


def generate(random: np.random.Generator) -> Layout:
    """A puzzle that can be solved for at least 50 + 2 x core length, from `random` alone."""
    length = int(random.integers(1, 4))
    while True:  # taken: the core length stays, so that long puzzles are not rarer for needing more space
        draft = _Draft(random, length)
        try:
            draft.build()
        except _NoSpaceError:
            continue
        return draft.layout()


class _NoSpaceError(Exception):
    """The puzzle so far leaves no place for the next part."""


class _Draft:
    """A puzzle being built: rooms grow from the start, each behind what came before."""

    def __init__(self, random: np.random.Generator, length: int) -> None:
        self.random = random
        self.length = length
        colours = self._shuffled(range(len(COLOURS)))
        self.core, other = colours[:length], colours[length:]
        # Taken: the useless key has a colour of its own, so that "unopenable" holds whatever is drawn.
        self.useless, self.dead = other[0], other[1:]
        place = (int(random.integers(PLACES)), int(random.integers(PLACES)))
        self.rooms = [Room(place, Kind.START)]
        self.links: set[frozenset[int]] = set()
        self.doors: list[Door] = []
        self.open_cells: list[Cell] = []  # links without a door
        self.keys: list[Key] = []
        self.goal: Cell | None = None

    def build(self) -> None:
        last, empty_due, herring_due, trap_due = 0, True, True, self.length >= 2
        for step in range(1, self.length + 1):
            if empty_due and self.random.random() < EMPTY_ROOM_CHANCE[self.length]:
                last, empty_due = self._add_room(last, Kind.EMPTY, None, self.rooms[last].behind), False
            herring_now = herring_due and self._coin()
            herring_first = self._coin()
            if herring_now and herring_first:
                self._add_herring()
            last = self._add_core_room(step, last, trap_due)
            if trap_due and step >= 2 and self._coin():
                self._add_trap(step)
                trap_due = False
            if herring_now and not herring_first:
                self._add_herring()
            herring_due = herring_due and not herring_now
        self.goal = self._free_cell(last)
        if trap_due:
            self._add_trap(self._choice(range(2, self.length + 1)))
        if herring_due:
            self._add_herring()
        if self._coin():
            self._add_room(self._choice(self._growing()), Kind.EXTRA, self._choice(self.dead))
        self._add_doors_between_neighbours()
        if self._coin() and (roomy := self._roomy()):
            self._add_key(self._choice(roomy), self.useless)

    def layout(self) -> Layout:
        assert self.goal is not None
        floor = np.zeros(GRID, bool)
        for room in self.rooms:
            row, column = room.corner
            floor[row : row + ROOM_ROWS, column : column + ROOM_COLUMNS] = True
        for cell in [*self.open_cells, *(door.cell for door in self.doors)]:
            floor[cell] = True
        floor.flags.writeable = False
        return Layout(self.length, tuple(self.rooms), tuple(self.doors), tuple(self.keys), self.goal, floor)

    # --- the parts of a puzzle ---

    def _add_core_room(self, step: int, last: int, trap_due: bool) -> int:
        """Door and key of the step: one of the two in the last room, the other there or anywhere before.

        As long as a trap is owed the door hangs on the last room, which a trap needs.
        """
        if self._coin():
            host, key_room = last, self._choice(self._roomy())
        else:
            host, key_room = last if trap_due else self._choice(self._growing()), last
        self._add_key(key_room, self.core[step - 1])
        return self._add_room(host, Kind.CORE, self.core[step - 1], step)

    def _add_trap(self, step: int) -> None:
        """A second door for the key of step - 1, before the room where door `step` hangs; behind it, key `step`.

        Who opens it holds a key whose door is now out of reach.
        """
        before = [room for room in self._growing() if self.rooms[room].behind < step - 1]
        trap = self._add_room(self._choice(before), Kind.TRAP, self.core[step - 2])
        self._add_key(trap, self.core[step - 1])  # taken: of the "later core keys" the next, which cannot help

    def _add_herring(self) -> None:
        # Taken: on any room, whichever step it belongs to.
        self._add_room(self._choice(self._growing()), Kind.HERRING, self._choice(self.core))

    def _add_doors_between_neighbours(self) -> None:
        """Taken: where there are fewer pairs of neighbours without a link than doors for them, which come is drawn."""
        indices = range(len(self.rooms))
        pairs = [(a, b) for a in indices for b in indices if a < b and self._unlinked_neighbours(a, b)]
        colours = [self._choice(self.dead) for _ in range(UNOPENABLE_DOORS)]
        if self._coin():
            colours.append(self._choice(self.core))
        for (first, second), colour in zip(self._shuffled(pairs), self._shuffled(colours)):
            self._link(first, second, colour, None)

    # --- rooms, links, keys ---

    def _add_room(self, host: int, kind: Kind, colour: int | None, behind: int = 0) -> int:
        """On the host's free neighbour that is nearest to the start. Taken: ties are drawn."""
        free = self._free_neighbours(host)
        if not free:
            raise _NoSpaceError
        row, column = self.rooms[0].place
        distances = [(ROW_PITCH * (r - row)) ** 2 + (COLUMN_PITCH * (c - column)) ** 2 for r, c in free]
        nearest = [place for place, distance in zip(free, distances) if distance == min(distances)]
        self.rooms.append(Room(self._choice(nearest), kind, behind))
        index = len(self.rooms) - 1
        self._link(host, index, colour, index)
        return index

    def _link(self, first: int, second: int, colour: int | None, entry_of: int | None) -> None:
        """East-west on the rooms' top row, north-south on their middle column."""
        self.links.add(frozenset((first, second)))
        a, b = sorted((self.rooms[first], self.rooms[second]), key=lambda room: room.place)
        row, column = a.corner
        north_south = a.place[1] == b.place[1]
        cell = (row + ROOM_ROWS, column + 1) if north_south else (row + 1, column + ROOM_COLUMNS)
        if colour is None:
            self.open_cells.append(cell)
        else:
            self.doors.append(Door(cell, north_south, colour, entry_of))

    def _add_key(self, room: int, colour: int) -> None:
        self.keys.append(Key(self._free_cell(room), colour))

    def _free_cell(self, room: int) -> Cell:
        taken = {self.goal, *(key.cell for key in self.keys)}
        return self._choice([cell for cell in self.rooms[room].object_cells if cell not in taken])

    def _free_neighbours(self, room: int) -> list[tuple[int, int]]:
        row, column = self.rooms[room].place
        taken = {other.place for other in self.rooms}
        around = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        return [p for p in around if p not in taken and 0 <= p[0] < PLACES and 0 <= p[1] < PLACES]

    def _unlinked_neighbours(self, a: int, b: int) -> bool:
        (row, column), (other_row, other_column) = self.rooms[a].place, self.rooms[b].place
        return abs(row - other_row) + abs(column - other_column) == 1 and frozenset((a, b)) not in self.links

    def _growing(self) -> list[int]:
        return [index for index, room in enumerate(self.rooms) if room.hosts and self._free_neighbours(index)]

    def _roomy(self) -> list[int]:
        """Rooms that may get one more key."""
        objects = {self.goal, *(key.cell for key in self.keys)}
        hosts = [(index, room) for index, room in enumerate(self.rooms) if room.hosts]
        return [index for index, room in hosts if len(objects & set(room.object_cells)) < OBJECTS_PER_ROOM]

    # --- draws ---

    def _coin(self) -> bool:
        return bool(self.random.random() < 0.5)

    def _choice(self, options: Sequence[T]) -> T:
        if not options:
            raise _NoSpaceError
        return options[int(self.random.integers(len(options)))]

    def _shuffled(self, options: Sequence[T]) -> list[T]:
        return [options[index] for index in self.random.permutation(len(options))]
