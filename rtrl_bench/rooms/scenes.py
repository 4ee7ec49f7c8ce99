"""What levels look like, as data: a `Scene` each, made once, from which render.py draws."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from rtrl_bench.rooms import keys_doors, maps, pictures, raster
from rtrl_bench.rooms.dmlab_levels import FRAMES_PER_SECOND, LEVEL_SECONDS
from rtrl_bench.rooms.pictures import FENCE
from rtrl_bench.rooms.raster import SLOPES
from rtrl_bench.rooms.state import CELL, GRID

PANEL = 128.0  # units along and up a panel of a wall, about


class Scene(NamedTuple):
    """What drawing a level needs besides its slots."""

    walls: np.ndarray  # float32 (n, 10): columns of maps, then texels along, texels up, brightness of 256
    textures: np.ndarray  # uint8 (k, 2 TEXTURE, TEXTURE, 4), see pictures.mipmap
    sky: np.ndarray  # uint8 (1, around, top to bottom, 4)
    bearings: np.ndarray  # float32 (WIDTH,): of the columns, in texels of the sky to the right of the view
    ground: np.ndarray  # uint8 (rows of y, columns of x): 1 where there is floor; one cell: it is everywhere
    ground_in_slot: bool  # slot.floor is the ground instead
    ground_x: float  # of its corner
    ground_y: float
    ground_z: float
    ground_cell: float  # side of its cells
    ground_texels: int  # log2 of texels along a cell
    ground_texture: int  # index of the first floor texture
    ground_phases: int  # textures that take turns
    pictures: np.ndarray  # uint8 (views, 2 PICTURE, PICTURE, CHANNELS)
    first_view: np.ndarray  # int64 (pictures,)
    colours: np.ndarray  # int64 (colours,): as pixels of a canvas
    drums: np.ndarray  # float32 (n, 6): x, y, z0, z1, radius, row of DRUMS
    hud: bool
    last_frame: int  # of an episode


class Look(NamedTuple):
    """How a level looks; `ground` holds the fields of Scene that begin so, without their textures."""

    walls: np.ndarray
    wall_textures: list[np.ndarray]
    floor_textures: list[np.ndarray]
    ground: dict[str, Any]
    sky: np.ndarray
    objects: range
    drums: tuple[tuple[float, ...], ...] = ()


def _nonmatching() -> Look:
    ground = {
        "ground": np.ones((1, 1), np.uint8),
        "ground_x": -1024.0,
        "ground_y": -1024.0,
        "ground_cell": 2048.0,
        "ground_texels": 11,
    }
    floors = [pictures.cobbles(pictures.FLOOR)]
    pads = [((maps.PAD[0] + maps.PAD[2]) / 2, (maps.PAD[1] + maps.PAD[3]) / 2, 0.0, DRUM_HEIGHT, DRUM_RADIUS, PAD_DRUM)]
    pedestals = [(x, y, 0.0, DRUM_HEIGHT, DRUM_RADIUS, PEDESTAL) for x, y in (*maps.EXAMPLES, *maps.CHOICES)]
    walls, objects = [pictures.blue_wall()], range(pictures.KEY)
    return Look(maps.NONMATCHING_WALLS, walls, floors, ground, pictures.stadium(), objects, (*pads, *pedestals))


def _watermaze() -> Look:
    walls = [pictures.blue_wall(), *(pictures.painting(*painting) for painting in pictures.PAINTINGS)]
    floors = [pictures.water(phase) for phase in range(pictures.WATER_PHASES)]
    ground = {
        "ground": np.ones((1, 1), np.uint8),
        "ground_x": -1024.0,
        "ground_y": -1024.0,
        "ground_z": maps.WATER_Z,
        "ground_cell": 2048.0,
        "ground_texels": 10,
        "ground_phases": len(floors),
    }
    return Look(maps.WATERMAZE_WALLS, walls, floors, ground, pictures.day(), range(0))


def _keys_doors() -> Look:
    walls = np.empty((0, maps.WALL_COLUMNS), np.float32)
    ground = {
        "ground": np.zeros(GRID, np.uint8),
        "ground_in_slot": True,
        "ground_z": keys_doors.FLOOR_Z,
        "ground_cell": CELL,
        "ground_texels": 6,
    }
    floors = [pictures.cobbles(pictures.ISLAND)]
    return Look(walls, [], floors, ground, pictures.void(), range(pictures.KEY, FENCE + 1))


LOOKS = {
    "rooms_select_nonmatching_object": _nonmatching,
    "rooms_watermaze": _watermaze,
    "rooms_keys_doors_puzzle": _keys_doors,
}
PLAIN_GROUND: dict[str, Any] = {
    "ground_in_slot": False,
    "ground_x": 0.0,
    "ground_y": 0.0,
    "ground_z": 0.0,
    "ground_phases": 1,
}


def _pixels(colours: Any) -> np.ndarray:
    """Colours (n, 3) as pixels of a canvas, int64 (n,)."""
    return raster.packed(*np.asarray(colours, np.int64).T)


PEDESTAL, PAD_DRUM = range(2)
DRUM_HEIGHT, DRUM_RADIUS = 6.0, 23.0
DRUMS = np.stack(  # side, rim and inner part of the upper face
    [
        _pixels([(38, 128, 140), (96, 214, 222), (240, 252, 252)]),
        _pixels([(96, 40, 170), (160, 96, 236), (250, 240, 255)]),
    ]
)


@functools.cache
def scene(level_name: str, hud: bool = True) -> Scene:
    """What drawing the level needs, made once. KeyError for a level that is not in LOOKS."""
    look = LOOKS[level_name]()
    album, first_view = pictures.album(look.objects)
    ground = {**PLAIN_GROUND, **look.ground, "ground_texture": len(look.wall_textures)}
    return Scene(
        walls=_prepared(look.walls, ground["ground_z"]),
        textures=pictures.mipmap(np.array([*look.wall_textures, *look.floor_textures])),
        sky=look.sky[None],
        bearings=(np.arctan(SLOPES) * (len(look.sky) / (2 * math.pi))).astype(np.float32),
        pictures=album,
        first_view=first_view,
        colours=_pixels(pictures.COLOURS),
        drums=np.array(look.drums, np.float32).reshape(-1, 6),
        hud=hud,
        last_frame=LEVEL_SECONDS[level_name] * FRAMES_PER_SECOND,
        **ground,
    )


def _prepared(walls: np.ndarray, ground_z: float) -> np.ndarray:
    """Rows of `Scene.walls`: a painting fills its wall once, panels a whole number of times; light comes aslant.

    What is below the ground is cut off.
    """
    x0, y0, x1, y1, z0, z1, kind = walls.T
    length = np.hypot(x1 - x0, y1 - y0)
    panels = kind == maps.BLUE_WALL
    along = np.where(panels, np.maximum(1, np.rint(length / PANEL)), 1) * pictures.TEXTURE
    seen = np.minimum(z1 - z0, z1 - ground_z)
    up = np.where(panels, np.rint((z1 - z0) / PANEL), 1) * pictures.TEXTURE * seen / (z1 - z0)
    slant = (y1 - y0 + 0.4 * (x1 - x0)) / (1.08 * length)  # -1..1
    brightness = np.where(panels, 226 + 30 * slant, raster.FULL)
    prepared: np.ndarray = np.column_stack([x0, y0, x1, y1, z1 - seen, z1, kind, along, up, brightness])
    return prepared.astype(np.float32)
