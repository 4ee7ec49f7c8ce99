"""The puzzles of rooms_keys_doors_puzzle, against a search of their own."""

from __future__ import annotations

import functools
import itertools
from collections import Counter

import numpy as np

from rtrl_bench.envs.rooms.keys_doors_map import Kind, Layout, generate
from rtrl_bench.envs.rooms.state import GRID


@functools.cache
def puzzles(count=300):
    return [generate(np.random.default_rng(seed)) for seed in range(count)]


# --- an independent search: where can one be, with what, after which doors and keys ---


class Search:
    """All situations that can follow from the start: (cells in reach, held key, open doors, taken keys)."""

    def __init__(self, layout):
        self.layout = layout
        self.doors = {door.cell: door.colour for door in layout.doors}
        self.keys = {key.cell: key.colour for key in layout.keys}
        self.next = {}
        self.start = (self.region(layout.spawn_cells[1], frozenset(), frozenset()), -1, frozenset(), frozenset())
        stack = [self.start]
        while stack:
            situation = stack.pop()
            if situation not in self.next:
                self.next[situation] = list(self.successors(*situation))
                stack.extend(self.next[situation])

    @functools.cache  # noqa: B019
    def region(self, cell, opened, taken):
        """Cells that can be walked to without touching a key or a closed door."""
        found, stack = {cell}, [cell]
        while stack:
            for near in neighbours(stack.pop()):
                blocked = (near in self.doors and near not in opened) or (near in self.keys and near not in taken)
                if self.layout.floor[near] and not blocked and near not in found:
                    found.add(near)
                    stack.append(near)
        return frozenset(found)

    def successors(self, region, held, opened, taken):
        for cell in {near for inside in region for near in neighbours(inside)} - region:
            if cell in self.keys:
                yield self.moved(cell, self.keys[cell], opened, taken | {cell})
            elif cell in self.doors and self.doors[cell] == held:
                yield self.moved(cell, -1, opened | {cell}, taken)

    def moved(self, cell, held, opened, taken):
        return self.region(cell, opened, taken), held, opened, taken

    def won(self):
        """Situations in which the goal can be walked to."""
        return [situation for situation in self.next if self.layout.goal in situation[0]]

    def lost(self):
        """Situations from which the goal cannot be reached any more."""
        before = {}
        for situation, following in self.next.items():
            for other in following:
                before.setdefault(other, []).append(situation)
        stack = self.won()
        hopeful = set(stack)
        while stack:
            new = [s for s in before.get(stack.pop(), []) if s not in hopeful]
            hopeful.update(new)
            stack.extend(new)
        return set(self.next) - hopeful


def neighbours(cell):
    row, column = cell
    return (row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)


@functools.cache
def search(index):
    return Search(puzzles()[index])


# --- the generator ---


def test_every_puzzle_can_be_solved_through_all_of_its_core_doors():
    for index, layout in enumerate(puzzles()):
        core = [k for k, room in enumerate(layout.rooms) if room.kind is Kind.CORE]
        doors = {door.cell for door in layout.doors if door.entry_of in core}
        assert len(doors) == len(core) == layout.core_length
        assert layout.goal in layout.rooms[core[-1]].object_cells
        # A key for each door and the goal: 50 + 2 x core length, or more.
        assert any(doors <= opened and len(taken) >= len(doors) for _, _, opened, taken in search(index).won())


def test_who_opens_the_trap_has_lost():
    seen = 0
    for index, layout in enumerate(puzzles()):
        colours = {key.colour for key in layout.keys}
        detour = any(door.entry_of is None and door.colour in colours for door in layout.doors)
        traps = [d.cell for d in layout.doors if d.entry_of and layout.rooms[d.entry_of].kind is Kind.TRAP]
        if traps and not detour:
            trapped = {situation for situation in search(index).next if traps[0] in situation[2]}
            assert trapped and trapped <= search(index).lost()
            seen += 1
    assert seen > 80


def test_rooms_and_gaps_are_all_the_floor_and_all_of_it_is_linked():
    for layout in puzzles():
        inside = np.zeros(GRID, bool)
        for room in layout.rooms:
            row, column = room.corner
            inside[row : row + 2, column : column + 3] = True
        assert inside.sum() == 6 * len(layout.rooms)
        gaps = [(int(row), int(column)) for row, column in np.argwhere(layout.floor & ~inside)]
        for row, column in gaps:
            ends = [cell for cell in neighbours((row, column)) if inside[cell]]
            assert len(ends) == 2 and (ends[0][0] == ends[1][0] or ends[0][1] == ends[1][1])
            # east-west on the northern row of rooms (3, 6, 9), north-south on their middle column (3, 7, 11)
            assert row % 3 == 0 if ends[0][0] == row else column % 4 == 3
        assert {door.cell for door in layout.doors} <= set(gaps)
        for door in layout.doors:
            assert door.north_south == bool(inside[door.cell[0] + 1, door.cell[1]])
        everything_open = Layout(**{**vars(layout), "doors": (), "keys": ()})
        assert len(Search(everything_open).start[0]) == layout.floor.sum()


def test_objects_lie_in_the_southern_corners_of_rooms_one_in_a_cell():
    for layout in puzzles():
        cells = [key.cell for key in layout.keys] + [layout.goal]
        corners = {cell for room in layout.rooms for cell in (room.corner, (room.corner[0], room.corner[1] + 2))}
        assert len(set(cells)) == len(cells) and set(cells) <= corners
        rooms_with_nothing = [room for room in layout.rooms if room.kind in (Kind.HERRING, Kind.EXTRA)]
        assert not any(set(room.object_cells) & set(cells) for room in rooms_with_nothing)


def test_a_room_is_built_on_the_free_neighbour_nearest_to_the_start():
    def distance(place, start):
        return 9 * (place[0] - start[0]) ** 2 + 16 * (place[1] - start[1]) ** 2

    for layout in puzzles():
        start = layout.rooms[0].place
        for index, room in enumerate(layout.rooms[1:], 1):
            built = {other.place for other in layout.rooms[:index]}
            grid = set(itertools.product(range(3), range(3)))
            hosts = [
                place
                for place in set(neighbours(room.place)) & built
                if room.place
                == min(set(neighbours(place)) & grid - built, key=lambda p: (distance(p, start), p != room.place))
            ]
            assert hosts


def test_parts_come_as_often_as_the_engine_draws_them():
    layouts = puzzles(1200)
    lengths = Counter(layout.core_length for layout in layouts)
    assert all(abs(lengths[k] / 1200 - 1 / 3) < 0.05 for k in (1, 2, 3))
    starts = Counter(layout.rooms[0].place for layout in layouts)
    assert len(starts) == 9 and min(starts.values()) > 80

    def share(kind, length):
        return np.mean([sum(r.kind is kind for r in x.rooms) for x in layouts if x.core_length == length])

    for length, empty in ((1, 0.8), (2, 0.75), (3, 0.0)):  # 0.75: one of two steps with a chance of a half each
        assert abs(share(Kind.EMPTY, length) - empty) < 0.08
        assert share(Kind.HERRING, length) == 1
        assert share(Kind.TRAP, length) == (length >= 2)
        assert abs(share(Kind.EXTRA, length) - 0.5) < 0.08
    useless = [any(key.colour not in {d.colour for d in x.doors} for key in x.keys) for x in layouts]
    assert abs(np.mean(useless) - 0.5) < 0.05  # all but a few have space for it
    assert all(len(x.keys) - x.core_length == (x.core_length >= 2) + key for x, key in zip(layouts, useless))


def test_doors_of_other_colours_never_open_and_lead_to_the_extra_room_or_between_neighbours():
    between = Counter()
    for index, layout in enumerate(puzzles()):
        opened = set().union(*(situation[2] for situation in search(index).next))
        dead = [door for door in layout.doors if door.colour not in {key.colour for key in layout.keys}]
        assert not opened & {door.cell for door in dead}
        for door in layout.doors:
            if door.entry_of is not None:
                assert (door in dead) == (layout.rooms[door.entry_of].kind is Kind.EXTRA)
        between[
            sum(d.entry_of is None for d in dead), sum(d.entry_of is None and d not in dead for d in layout.doors)
        ] += 1
    assert {dead for dead, _ in between} == {0, 1, 2} and {other for _, other in between} == {0, 1}
    assert 0.1 < sum(count for (_, other), count in between.items() if other) / 300 < 0.5


def test_the_generator_alone_decides_the_puzzle():
    def seen(seed):
        layout = generate(np.random.default_rng(seed))
        return layout.rooms, layout.doors, layout.keys, layout.goal, layout.floor.tobytes()

    assert seen(5) == seen(5)
    assert len({seen(seed) for seed in range(50)}) == 50
