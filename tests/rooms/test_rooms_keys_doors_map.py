"""The puzzles of rooms_keys_doors_puzzle, against a search of their own and the chances of all that can be drawn."""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
from drawn_puzzles import PLACES, chances, neighbours, on_the_way

from rtrl_bench.rooms.keys_doors_map import Kind, Layout, generate
from rtrl_bench.rooms.state import GRID


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


def core_colours(layout):
    """In the order of the steps."""
    entries = {door.entry_of: door.colour for door in layout.doors}
    return [entries[k] for k, room in enumerate(layout.rooms) if room.kind is Kind.CORE]


def room_with(layout, cell):
    return next(k for k, room in enumerate(layout.rooms) if cell in room.object_cells)


def trap(layout):
    """Its door, the room whose door has the same colour, the key that lies in it; Nones without a trap."""
    for door in layout.doors:
        if door.entry_of and layout.rooms[door.entry_of].kind is Kind.TRAP:
            same = [d.entry_of for d in layout.doors if d.entry_of and d.colour == door.colour]
            rival = next(k for k in same if layout.rooms[k].kind is Kind.CORE)
            # The lure first: what else may lie there is the useless key, the last of all.
            return door, rival, next(key for key in layout.keys if room_with(layout, key.cell) == door.entry_of)
    return None, None, None


def test_who_opens_the_trap_has_lost_if_the_goal_is_behind_the_door_that_it_competes_with():
    lost = spared = 0
    for index, layout in enumerate(puzzles()):
        trap_door, rival, _ = trap(layout)
        trapped = {situation for situation in search(index).next if trap_door and trap_door.cell in situation[2]}
        if trapped:
            closed = [d for d in layout.doors if d.entry_of == rival or d.colour not in core_colours(layout)]
            without_the_rival = Search(Layout(**{**vars(layout), "doors": closed, "keys": ()}))
            if layout.goal in without_the_rival.start[0]:
                spared += 1
            else:
                assert trapped <= search(index).lost()
                lost += 1
    assert lost > 80 and spared > 0


def test_the_lure_is_any_later_core_key():
    steps = Counter()
    for layout in puzzles(4000):
        door, _, lure = trap(layout)
        if door:
            colours = core_colours(layout)
            steps[layout.core_length, colours.index(door.colour) + 1, colours.index(lure.colour) + 1] += 1
    assert set(steps) == {(2, 1, 2), (3, 1, 2), (3, 1, 3), (3, 2, 3)}
    assert abs(steps[3, 1, 2] / (steps[3, 1, 2] + steps[3, 1, 3]) - 0.5) < 0.1


def test_of_door_and_key_of_a_step_one_is_in_the_last_room_and_the_other_on_the_way():
    for layout in puzzles():
        colours = core_colours(layout)
        way = on_the_way(layout.rooms)
        steps = [(last, index) for last, index in itertools.pairwise(way) if layout.rooms[index].kind is Kind.CORE]
        for colour, (last, index) in zip(colours, steps, strict=True):
            keys = [key for key in layout.keys if key.colour == colour]
            lying = [k for k in (room_with(layout, key.cell) for key in keys) if layout.rooms[k].kind is not Kind.TRAP]
            assert len(lying) == 1 and lying[0] in way and lying[0] <= last
            gap = next(door.cell for door in layout.doors if door.entry_of == index)
            ends = [k for k in way if any(touches(layout.rooms[k], cell) for cell in neighbours(gap)) and k < index]
            assert ends and (lying == [last] or ends == [last])


def touches(room, cell):
    return 0 <= cell[0] - room.corner[0] < 2 and 0 <= cell[1] - room.corner[1] < 3


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
        core_keys = [key for key in layout.keys if key.colour in core_colours(layout)]
        for key in core_keys:
            assert layout.rooms[room_with(layout, key.cell)].kind not in (Kind.HERRING, Kind.EXTRA)


def mirrored(rooms):
    """The same for layouts that mirror each other, which are equally likely: kinds and places in order."""
    row, column = rooms[0].place
    return tuple((room.kind, abs(room.place[0] - row // 2 * 2), abs(room.place[1] - column // 2 * 2)) for room in rooms)


def test_rooms_come_where_and_as_often_as_the_engine_draws_them():
    layouts = puzzles(4000)
    starts = Counter(layout.rooms[0].place for layout in layouts)
    assert set(starts) == PLACES and min(starts.values()) > 370  # of 444
    expected = defaultdict(float)
    for length in (1, 2, 3):
        for rooms, chance in chances(length).items():
            expected[length, mirrored(rooms)] += len(layouts) / 3 * chance
    assert sum(expected.values()) == pytest.approx(len(layouts))
    seen = Counter((layout.core_length, mirrored(layout.rooms)) for layout in layouts)
    assert set(seen) <= set(expected)
    frequent = [rooms for rooms, count in expected.items() if count > 5]
    squares = sum((seen[rooms] - expected[rooms]) ** 2 / expected[rooms] for rooms in frequent)  # chi-squared
    assert sum(expected[rooms] for rooms in frequent) > 0.65 * len(layouts)
    assert abs(squares - len(frequent)) < 4 * (2 * len(frequent)) ** 0.5


@pytest.mark.parametrize(("length", "empty", "trap"), [(1, 0.8, 0.0), (2, 0.75, 457 / 576), (3, 0.0, 563 / 576)])
def test_the_shares_of_rooms_follow_from_the_rules(length, empty, trap):
    """0.75: one of two steps with a chance of a half each. Traps: what is missing from 1 had no space."""
    layouts = [layout for layout in puzzles(4000) if layout.core_length == length]
    shares = {Kind.START: 1, Kind.CORE: length, Kind.EMPTY: empty, Kind.HERRING: 1, Kind.TRAP: trap, Kind.EXTRA: 0.5}
    assert abs(len(layouts) / 4000 - 1 / 3) < 0.03
    for kind, share in shares.items():
        counted = sum(chance * sum(room.kind is kind for room in rooms) for rooms, chance in chances(length).items())
        assert counted == pytest.approx(share)
        assert abs(np.mean([sum(room.kind is kind for room in x.rooms) for x in layouts]) - share) < 0.05


def test_never_more_than_two_pairs_of_neighbours_have_no_link():
    """So that the engine never comes to add its door of a core colour."""
    for rooms in itertools.chain(*(chances(length) for length in (1, 2, 3))):
        assert unlinked({room.place for room in rooms}) <= 2


def unlinked(places):
    pairs = sum(len(places & set(neighbours(place))) for place in places) // 2
    return pairs - (len(places) - 1)


def test_doors_between_neighbours_never_open_and_stand_wherever_there_is_no_link():
    for index, layout in enumerate(puzzles()):
        between = [door for door in layout.doors if door.entry_of is None]
        assert len(between) == unlinked({room.place for room in layout.rooms})
        assert not {door.colour for door in between} & {key.colour for key in layout.keys}
        opened = set().union(*(situation[2] for situation in search(index).next))
        assert not opened & {door.cell for door in between}


def test_only_the_doors_of_the_way_the_trap_and_the_herring_have_core_colours():
    herrings = Counter()
    for layout in puzzles():
        colours = core_colours(layout)
        assert len(set(colours)) == layout.core_length
        for door in layout.doors:
            kind = layout.rooms[door.entry_of].kind if door.entry_of is not None else None
            assert (door.colour in colours) == (kind in (Kind.CORE, Kind.TRAP, Kind.HERRING))
            if kind is Kind.HERRING:
                herrings[layout.core_length, colours.index(door.colour)] += 1
    assert len(herrings) == 6 and min(herrings[3, k] for k in range(3)) > 15


def test_the_useless_key_has_a_free_colour_that_no_door_between_neighbours_has():
    useless, chance, fitting = Counter(), Counter(), 0
    for layout in puzzles(4000):
        colours = core_colours(layout)
        keys = [key.colour for key in layout.keys if key.colour not in colours]
        free = set(range(5)) - set(colours) - {door.colour for door in layout.doors if door.entry_of is None}
        assert len(keys) <= 1 and set(keys) <= free
        useless[layout.core_length] += len(keys)
        chance[layout.core_length] += 0.5 if free else 0.0
        fitting += any(door.colour in keys for door in layout.doors)
    for length in (1, 2, 3):
        assert abs(useless[length] - chance[length]) < 80  # of 1333; a standard deviation is 18
    assert useless[3] < 450 and fitting > 100  # seldom a free colour is left; at times it opens the extra room


def test_the_generator_alone_decides_the_puzzle():
    def seen(seed):
        layout = generate(np.random.default_rng(seed))
        return layout.rooms, layout.doors, layout.keys, layout.goal, layout.floor.tobytes()

    assert seen(5) == seen(5)
    assert len({seen(seed) for seed in range(50)}) == 50
