"""An independent walk through all that the engine can draw: which rooms, where, in which order, how likely."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from typing import NamedTuple

from rtrl_bench.rooms.keys_doors_map import Kind

PLACES = set(itertools.product(range(3), range(3)))
EMPTY_CHANCE = {1: 0.8, 2: 0.5, 3: 0.0}


class Built(NamedTuple):
    place: tuple[int, int]
    kind: Kind
    host: int | None


def neighbours(cell):
    row, column = cell
    return (row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)


@functools.cache
def chances(length):
    """Of each sequence of rooms with so many core doors."""
    ways = {(Built(start, Kind.START, None),): 1 / 9 for start in PLACES}
    for step in range(1, length + 1):
        core = functools.partial(with_core_room, final=step == length)
        orders = (core, with_early_trap), (with_herring, core, with_early_trap), (core, with_early_trap, with_herring)
        ways = after(ways, functools.partial(with_empty_room, chance=EMPTY_CHANCE[length]))
        ways = merged((0.5, after(ways, *orders[0])), (0.25, after(ways, *orders[1])), (0.25, after(ways, *orders[2])))
    return after(ways, with_late_trap, with_extra_room, with_herring)


def after(ways, *moves):
    for move in moves:
        ways = merged(*((chance, dict(move(rooms))) for rooms, chance in ways.items()))
    return ways


def merged(*parts):
    total = defaultdict(float)
    for weight, ways in parts:
        for rooms, chance in ways.items():
            total[rooms] += weight * chance
    return total


def sites(rooms, hosts):
    """(host, place, chance): of the hosts with the nearest free places one, of its nearest places one."""

    def distance(place):
        return 9 * (place[0] - rooms[0].place[0]) ** 2 + 16 * (place[1] - rooms[0].place[1]) ** 2

    free = {host: PLACES & set(neighbours(rooms[host].place)) - {room.place for room in rooms} for host in hosts}
    least = min((distance(place) for places in free.values() for place in places), default=None)
    nearest = {host: [place for place in places if distance(place) == least] for host, places in free.items()}
    offering = [host for host in hosts if nearest[host]]
    return [(host, p, 1 / len(offering) / len(nearest[host])) for host in offering for p in nearest[host]]


def built(rooms, hosts, kind, chance=1.0):
    found = sites(rooms, hosts)
    assert found, "the engine would start again"
    return [((*rooms, Built(place, kind, host)), chance * share) for host, place, share in found]


def has(rooms, kind):
    return any(room.kind is kind for room in rooms)


def on_the_way(rooms):
    return [k for k, room in enumerate(rooms) if room.kind in (Kind.START, Kind.EMPTY, Kind.CORE)]


def with_empty_room(rooms, chance):
    if has(rooms, Kind.EMPTY) or not chance:
        return [(rooms, 1.0)]
    return [(rooms, 1 - chance), *built(rooms, on_the_way(rooms)[-1:], Kind.EMPTY, chance)]


def with_herring(rooms):
    return [(rooms, 1.0)] if has(rooms, Kind.HERRING) else built(rooms, range(len(rooms)), Kind.HERRING)


def with_core_room(rooms, final):
    safe = on_the_way(rooms)
    anywhere = safe[-1:] if final and not has(rooms, Kind.TRAP) else safe
    beside_last = safe[-1:] if sites(rooms, safe[-1:]) else anywhere
    half = functools.partial(built, rooms, kind=Kind.CORE, chance=0.5)
    return merged(*((1.0, {way: chance}) for hosts in (beside_last, anywhere) for way, chance in half(hosts))).items()


def rivals(rooms):
    """The core room before, by the core room that hangs on it or on an empty room behind it."""
    found, way = {}, on_the_way(rooms)
    for last, index in itertools.pairwise(way):
        before = [k for k in way if k < index and rooms[k].kind is Kind.CORE]
        if before and rooms[index].kind is Kind.CORE and rooms[index].host == last:
            found[index] = before[-1]
    return found


def with_early_trap(rooms):
    newest = max(k for k, room in enumerate(rooms) if room.kind is Kind.CORE)
    rival = rivals(rooms).get(newest)
    if rival is None or has(rooms, Kind.TRAP) or not sites(rooms, range(rival)):
        return [(rooms, 1.0)]
    return [(rooms, 0.5), *built(rooms, range(rival), Kind.TRAP, 0.5)]


def with_late_trap(rooms):
    for rival in rivals(rooms).values():
        if not has(rooms, Kind.TRAP) and sites(rooms, range(rival)):
            return built(rooms, range(rival), Kind.TRAP)
    return [(rooms, 1.0)]


def with_extra_room(rooms):
    return [(rooms, 0.5), *built(rooms, range(len(rooms)), Kind.EXTRA, 0.5)]
