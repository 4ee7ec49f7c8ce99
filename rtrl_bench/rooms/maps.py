"""The fixed maps as data: what is seen (walls) and what is solid (boxes, planes).

Source: DeepMind Lab at commit b1db91a, assets/maps/src/em_non_match.map and em_watermaze.map, read as facts.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

# Kinds of picture on a wall; scenes.py has one texture for each.
BLUE_WALL, FIRST_PAINTING = 0, 1  # paintings of the watermaze: FIRST_PAINTING + 0..7 from east counter-clockwise

# Walls: x0, y0, x1, y1, z of bottom and top, kind of picture. Seen from either side.
WALL_COLUMNS = 7


def _outline(corners: list[tuple[float, float]], bottom: float, top: float) -> list[tuple[float, ...]]:
    """Walls around a closed polygon."""
    closed = [*corners, corners[0]]
    return [(*a, *b, bottom, top, BLUE_WALL) for a, b in itertools.pairwise(closed)]


# --- rooms_select_nonmatching_object ---
ROOM_A = [(-256.0, -256.0), (128.0, -256.0), (128.0, 128.0), (-256.0, 128.0)]
ROOM_B = [
    *((256.0, -128.0), (384.0, -128.0), (384.0, -248.0), (640.0, -248.0)),
    *((640.0, 128.0), (384.0, 128.0), (384.0, 0.0), (256.0, 0.0)),
]
NONMATCHING_WALLS = np.array([*_outline(ROOM_A, 0, 128), *_outline(ROOM_B, 0, 128)], np.float32)
EXAMPLES = ((40.0, 64.0), (40.0, -192.0))
CHOICES = ((600.0, 64.0), (600.0, -192.0))
SPAWN = (-232.0, -64.0)
PAD = (40.0, -88.0, 88.0, -40.0)  # x0, y0, x1, y1 of the teleporter
ARRIVAL = (288.0, -64.0, 49.0)  # z as recorded


def _solid_around_rooms() -> list[tuple[float, ...]]:
    """Boxes x0, y0, x1, y1 outside of both rooms, and the pens around the examples, which only players cannot enter."""
    thick = 64.0
    west, south, east, north = -256.0, -256.0, 128.0, 128.0
    room_a = [
        (west - thick, south - thick, west, north + thick),
        (east, south - thick, east + thick, north + thick),
        (west, south - thick, east, south),
        (west, north, east, north + thick),
    ]
    room_b = [
        *((256 - thick, -128 - thick, 256, thick), (256, -248 - thick, 384, -128), (256, 0, 384, 128 + thick)),
        *((384, -248 - thick, 640, -248), (384, 128, 640, 128 + thick), (640, -248 - thick, 640 + thick, 128 + thick)),
    ]
    pens = [(x - 40, y - 40, x + 40, y + 40) for x, y in EXAMPLES]
    return [*room_a, *room_b, *pens]


NONMATCHING_BOXES = np.array(_solid_around_rooms(), np.float64)

# --- rooms_watermaze ---
WATER_Z, ARENA_APOTHEM, ARENA_SIDES, ARENA_TOP = 16.0, 760.0, 16, 192.0


def _arena() -> list[tuple[float, ...]]:
    radius = ARENA_APOTHEM / math.cos(math.pi / ARENA_SIDES)
    angles = [(k + 0.5) * 2 * math.pi / ARENA_SIDES for k in range(ARENA_SIDES)]
    return _outline([(radius * math.cos(a), radius * math.sin(a)) for a in angles], 0.0, ARENA_TOP)


def _painting(index: int) -> tuple[float, ...]:
    """175 wide, 156 high, centre 96 above z = 0, just before the wall, every 45 degrees from east."""
    angle = index * math.pi / 4
    across = (-math.sin(angle) * 87.5, math.cos(angle) * 87.5)
    x, y = (ARENA_APOTHEM - 4) * math.cos(angle), (ARENA_APOTHEM - 4) * math.sin(angle)
    # from the viewer's left to the viewer's right
    return (x + across[0], y + across[1], x - across[0], y - across[1], 18.0, 174.0, FIRST_PAINTING + index)


WATERMAZE_WALLS = np.array([*_arena(), *(_painting(k) for k in range(8))], np.float32)


def _planes(normal: tuple[float, float], point: tuple[float, float]) -> list[tuple[float, float, float]]:
    """Planes n_x, n_y, d of the wall through `point`, square to `normal`, and of its mirror images."""
    length = math.hypot(*normal)
    x, y = normal[0] / length, normal[1] / length
    distance = x * point[0] + y * point[1]
    sides = {(sx * a, sy * b) for a, b in ((x, y), (y, x)) for sx in (1, -1) for sy in (1, -1)}
    return [(*side, distance) for side in sorted(sides)]


# The map's corners are whole numbers, so its walls stand at three distances from the centre.
WATERMAZE_PLANES = np.array(
    [*_planes((1.0, 0.0), (760.0, 0.0)), *_planes((710.0, 294.0), (703.0, 291.0)), *_planes((1.0, 1.0), (537.0, 537.0))]
)
# Beside the paintings, from east counter-clockwise.
WATER_SPAWNS = np.array(
    [
        *((712.0, 0.0), (504.0, 504.0), (0.0, 720.0), (-488.0, 488.0)),
        *((-728.0, 0.0), (-496.0, -496.0), (0.0, -712.0), (504.0, -504.0)),
    ]
)
