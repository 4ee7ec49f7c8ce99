"""The puzzle of one episode of rooms_keys_doors_puzzle: its rooms, doors and keys.

Source of the rules: DeepMind Lab at commit b1db91a, the files configs, gen, room and room_grid (all .lua) of
game_scripts/map_generators/keys_doors. With its default settings, used here, only the last room and traps can lack
space, so that it never has to start again: the tests go through all that can be drawn.

Cells are (row, column) = (y, x) of the floor; row 0 is the south edge. Colours are indices into COLOURS.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeVar

import numpy as np

from rtrl_bench.rooms.state import CELL, GRID

COLOURS = ("red", "green", "blue", "white", "black")
PLACES = 3  # rows and columns of rooms
ROW_PITCH, COLUMN_PITCH, MARGIN = 3, 4, 2  # cells
ROOM_ROWS, ROOM_COLUMNS = 2, 3  # cells
EMPTY_ROOM_CHANCE = {1: 0.8, 2: 0.5, 3: 0.0}  # per step, by core length

Cell = tuple[int, int]
Place = tuple[int, int]  # (row, column) among the rooms, row 0 in the south
T = TypeVar("T")


def cell_centre(cell: Cell) -> tuple[float, float]:
    """x, y in world units."""
    row, column = cell
    return (column + 0.5) * CELL, (row + 0.5) * CELL


class Kind(Enum):
    """What a room is there for."""

    START = "start"
    CORE = "core"  # behind a core door, on the way to the goal
    EMPTY = "empty"  # on the way, without a door
    HERRING = "herring"  # nothing of the core, behind a door of a core colour
    TRAP = "trap"  # a later core key, for the key that was needed elsewhere
    EXTRA = "extra"  # behind a door of another colour


@dataclass(frozen=True)
class Room:
    place: Place
    kind: Kind

    @property
    def corner(self) -> Cell:
        """Its south-west cell."""
        return MARGIN + ROW_PITCH * self.place[0], MARGIN + COLUMN_PITCH * self.place[1]

    @property
    def object_cells(self) -> tuple[Cell, Cell]:
        row, column = self.corner
        return (row, column), (row, column + ROOM_COLUMNS - 1)


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
    rooms: tuple[Room, ...]  # in the order of building; the first is the start
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
    return _Draft(random).build()


class _Site(NamedTuple):
    """Where a room can be built: the room it hangs on and a free place beside that."""

    host: int
    place: Place


class _Draft:
    """A puzzle being built: rooms grow from the start, each on one that is there already."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.length = int(random.integers(1, 4))
        colours = self._shuffled(range(len(COLOURS)))
        self.core, self.other = colours[: self.length], colours[self.length :]
        self.rooms = [Room((int(random.integers(PLACES)), int(random.integers(PLACES))), Kind.START)]
        self.links: set[frozenset[int]] = set()
        self.doors: list[Door] = []
        self.open_cells: list[Cell] = []  # links without a door
        self.keys: list[Key] = []
        self.taken: set[Cell] = set()  # by keys and the goal
        self.empty_owed = self.herring_owed = self.trap_owed = True

    def build(self) -> Layout:
        goal = self._add_core()
        if self._coin():
            self._add_room(self._all(), Kind.EXTRA, self._choice(self.other))
        self._add_herring()
        unopenable = self._add_doors_between_neighbours()
        useless = [colour for colour in self.other if colour not in unopenable]
        if self._coin() and useless:
            self._add_key(self._choice(self._roomy(self._all())), self._choice(useless))
        floor = np.zeros(GRID, bool)
        for row, column in (room.corner for room in self.rooms):
            floor[row : row + ROOM_ROWS, column : column + ROOM_COLUMNS] = True
        for cell in [*self.open_cells, *(door.cell for door in self.doors)]:
            floor[cell] = True
        floor.flags.writeable = False
        return Layout(self.length, tuple(self.rooms), tuple(self.doors), tuple(self.keys), goal, floor)

    # --- the parts of a puzzle ---

    def _add_core(self) -> Cell:
        """The rooms up to the goal, and what comes between; the goal's cell."""
        last = core = 0
        rivals = []  # (room, step) of core rooms that a trap can compete with: the next door hangs behind theirs
        for step in range(1, self.length + 1):
            last = self._add_empty_room(last)
            herring, herring_first = self._coin(), self._coin()
            if herring and herring_first:
                self._add_herring()
            room = self._add_core_room(step, last)
            if step >= 2 and frozenset((last, room)) in self.links:
                rivals.append((core, step - 1))
                if self._coin():
                    self._add_trap(core, step - 1)
            last = core = room
            if herring and not herring_first:
                self._add_herring()
        goal = self._lay_down(core)
        for rival, step in rivals:
            self._add_trap(rival, step)
        return goal

    def _add_empty_room(self, last: int) -> int:
        """One at most; the room that is now the last."""
        if self.empty_owed and self.random.random() < EMPTY_ROOM_CHANCE[self.length]:
            self.empty_owed = False
            return self._add_room([last], Kind.EMPTY, None)
        return last

    def _add_core_room(self, step: int, last: int) -> int:
        """Door and key of the step: one of the two in the last room, the other there or anywhere before.

        In the last step the door hangs on the last room if a trap is owed, which needs that.
        """
        safe = [room for room in self._all() if self.rooms[room].kind not in (Kind.HERRING, Kind.TRAP)]
        if self._coin() and self._sites(last):
            hosts, key_room = [last], self._choice(self._roomy(safe))
        else:
            hosts, key_room = [last] if self.trap_owed and step == self.length else safe, last
        self._add_key(key_room, self.core[step - 1])
        return self._add_room(hosts, Kind.CORE, self.core[step - 1])

    def _add_trap(self, rival: int, step: int) -> None:
        """One at most, if a room older than the rival has space: another door for the key of `step`, the rival's own.

        The lure is any later core key. One whose door does not hang behind the rival makes the trap a short cut.
        """
        if self.trap_owed and any(self._sites(host) for host in range(rival)):
            trap = self._add_room(range(rival), Kind.TRAP, self.core[step - 1])
            self._add_key(trap, self._choice(self.core[step:]))
            self.trap_owed = False

    def _add_herring(self) -> None:
        """One at most."""
        if self.herring_owed:
            self._add_room(self._all(), Kind.HERRING, self._choice(self.core))
            self.herring_owed = False

    def _add_doors_between_neighbours(self) -> set[int]:
        """Doors that no key opens, wherever rooms side by side have no link; their colours.

        The engine adds two at most, then up to one of a core colour; but there are never more than two such pairs.
        """
        colours = set()
        for first, second in itertools.combinations(self._all(), 2):
            (row, column), (other_row, other_column) = self.rooms[first].place, self.rooms[second].place
            side_by_side = abs(row - other_row) + abs(column - other_column) == 1
            if side_by_side and frozenset((first, second)) not in self.links:
                colour = self._choice(self.other)
                colours.add(colour)
                self._link(first, second, colour, None)
        return colours

    # --- rooms, links, keys ---

    def _all(self) -> range:
        return range(len(self.rooms))

    def _add_room(self, hosts: Iterable[int], kind: Kind, colour: int | None) -> int:
        """Build on the free place beside a host that is nearest to the start; the room's index.

        Each host offers one of its nearest places, so that of equals a place beside two hosts is likelier.
        """
        offers = [self._choice(self._nearest(sites)) for host in hosts if (sites := self._sites(host))]
        site = self._choice(self._nearest(offers))
        self.rooms.append(Room(site.place, kind))
        index = len(self.rooms) - 1
        self._link(site.host, index, colour, index)
        return index

    def _sites(self, host: int) -> list[_Site]:
        row, column = self.rooms[host].place
        built = {room.place for room in self.rooms}
        around = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        return [_Site(host, p) for p in around if p not in built and 0 <= p[0] < PLACES and 0 <= p[1] < PLACES]

    def _nearest(self, sites: list[_Site]) -> list[_Site]:
        """Those at the least distance from the start."""
        row, column = self.rooms[0].place
        distances = [(ROW_PITCH * (r - row)) ** 2 + (COLUMN_PITCH * (c - column)) ** 2 for _, (r, c) in sites]
        return [site for site, distance in zip(sites, distances) if distance == min(distances)]

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

    def _roomy(self, rooms: Iterable[int]) -> list[int]:
        """Those with space for one more key."""
        return [room for room in rooms if not self.taken.issuperset(self.rooms[room].object_cells)]

    def _add_key(self, room: int, colour: int) -> None:
        self.keys.append(Key(self._lay_down(room), colour))

    def _lay_down(self, room: int) -> Cell:
        """A free cell for an object, now taken."""
        cell = self._choice([cell for cell in self.rooms[room].object_cells if cell not in self.taken])
        self.taken.add(cell)
        return cell

    # --- draws ---

    def _coin(self) -> bool:
        return bool(self.random.random() < 0.5)

    def _choice(self, options: Sequence[T]) -> T:
        return options[int(self.random.integers(len(options)))]

    def _shuffled(self, options: Sequence[T]) -> list[T]:
        return [options[index] for index in self.random.permutation(len(options))]
