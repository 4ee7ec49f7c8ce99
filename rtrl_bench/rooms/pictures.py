"""What surfaces and objects look like, drawn by formulas when a scene is made.

Textures (of walls, floors, skies) are RGB, pictures (of objects) know coverage and a part that takes on the sprite's
colour. Both come with their mip levels: level k is half as large as level k - 1, an average of 2 x 2 of its texels.
Channels are padded so that raster.py can read a texel as one or two integers of 32 bits.
Colours of the game: `common/geometric_pickups.lua`, `texture_sets.lua`, `keys_doors_puzzle_factory.lua` of DeepMind
Lab at commit b1db91a, read as facts; the rest is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtrl_bench.rooms.solids import MATERIALS, SOLIDS

OBJECT_COLOURS = ((255, 77, 152), (144, 219, 242), (113, 238, 166))  # pink, cyan, green
DOOR_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0))
FIRST_DOOR_COLOUR = len(OBJECT_COLOURS)
COLOURS = np.array([*OBJECT_COLOURS, *DOOR_COLOURS], np.uint8)

SHAPES = tuple(SOLIDS)[:12]
# Of the shapes, in units: of the square that holds one. Source: pictures of the engine, by eye.
SIZES = np.array([30.0, 28.0, 36.0, 36.0, 30.0, 47.0, 48.0, 38.0, 38.0, 34.0, 36.0, 36.0], np.float32)
KEY, GOAL, FENCE = range(12, 15)
VIEWS = 24  # of a solid, around its upright axis

TEXTURE, PICTURE = 64, 32  # texels along a side
LEVELS = 5
RGB_CHANNELS = 4  # of a texture: red, green, blue, nothing
CHANNELS, COVERAGE, OWN = 8, 4, 6  # of a picture: like a texture's; coverage, and the part in the sprite's own colour
THIN = 80  # coverage, of 255, from which on a fence's texel is wholly covered
SKY = (256, 64)  # texels around and from top to bottom of the sky

FLOOR, ISLAND, SEAM, WATER = (194, 132, 40), (220, 164, 48), (166, 140, 74), (70, 138, 190)
WATER_PHASES = 8
PALE = (243, 238, 220)
# East, north-east, ... of the watermaze: shape and colour of the field
PAINTINGS = (
    ("plus", (160, 205, 40)),
    ("triangle", (120, 14, 22)),
    ("square", (128, 84, 226)),
    ("diamond", (38, 205, 190)),
    ("circle", (255, 176, 16)),
    ("hexagon", (28, 120, 255)),
    ("arch", (232, 40, 36)),
    ("x", (176, 32, 160)),
)


def mipmap(images: np.ndarray) -> np.ndarray:
    """All levels of images (image, row, column, channel) as uint8 (image, column, row, channel), of sides n and 2 n.

    Columns of level k begin at 2 n - (2 n >> k), its rows at 0. RGB is padded to RGB_CHANNELS.
    """
    level = np.asarray(images, np.float32).swapaxes(1, 2)
    count, size, _, channels = level.shape
    stacked = np.zeros((count, 2 * size, size, max(channels, RGB_CHANNELS)), np.uint8)
    for k in range(LEVELS):
        start, side = 2 * size - (2 * size >> k), size >> k
        stacked[:, start : start + side, :side, :channels] = np.rint(level)
        level = _halved(level)
    return stacked


def _halved(images: np.ndarray) -> np.ndarray:
    """Averages of 2 x 2 along axes 1 and 2."""
    pairs = images[:, ::2] + images[:, 1::2]
    return (pairs[:, :, ::2] + pairs[:, :, 1::2]) / np.float32(4)


# --- surfaces ---


def _texels() -> tuple[np.ndarray, np.ndarray]:
    """Rows (from the top) and columns of a texture's texels, of shape (n, 1) and (1, n), in 0..1."""
    centres = (np.arange(TEXTURE) + 0.5) / TEXTURE
    return centres[:, None], centres[None, :]


def _mixed(colour: Sequence[float], other: Sequence[float], share: np.ndarray) -> np.ndarray:
    """The first colour where `share` (row, column) is 0, the other where it is 1."""
    return np.asarray(colour) + (np.asarray(other) - np.asarray(colour)) * share[..., None]


def blue_wall() -> np.ndarray:
    """A panel between pale upright strips, a little darker towards the floor."""
    row, column = _texels()
    field = _mixed((54, 82, 184), (44, 66, 152), row + 0 * column)
    edge = np.broadcast_to(np.minimum(column, 1 - column), field.shape[:2])
    field[edge < 0.1] *= 0.9
    field[edge < 0.035] = (98, 124, 208)
    return field


def painting(shape: str, colour: Sequence[float]) -> np.ndarray:
    """A pale shape on a coloured field in a dark frame."""
    row, column = _texels()
    x, y = 3.0 * (column - 0.5), 3.0 * (0.5 - row)  # +-1.5, the shape within +-0.75
    ax, ay = np.abs(x), np.abs(y)
    inside = {
        "plus": (np.minimum(ax, ay) < 0.25) & (np.maximum(ax, ay) < 0.75),
        "triangle": (y > -0.6) & (y < 0.75 - 1.9 * ax),
        "square": np.maximum(ax, ay) < 0.6,
        "diamond": ax + ay < 0.8,
        "circle": x**2 + y**2 < 0.68**2,
        "hexagon": np.maximum(ax, ax / 2 + ay * 3**0.5 / 2) < 0.7,
        "arch": (np.maximum(ax / 0.7, ay / 0.75) < 1) & ~((ax < 0.3) & (y < 0.1)) & ~((y > 0.3) & (ax + y > 1.1)),
        "x": (np.abs(ax - ay) < 0.3) & (np.maximum(ax, ay) < 0.72),
    }[shape]
    picture = _mixed(colour, PALE, inside.astype(float))
    picture[np.broadcast_to(np.maximum(ax, ay) > 1.3, inside.shape)] = (40, 26, 18)
    return picture


def cobbles(colour: Sequence[float]) -> np.ndarray:
    """Eight flat stones of a floor, each of its own brightness, with pale seams between them."""
    row, column = _texels()
    stones = np.array([((i + 0.5) / 4, (j + 0.5 * (i % 2) + 0.3) / 2) for i in range(4) for j in range(2)])
    away = np.abs(np.stack([row + 0 * column, column + 0 * row], axis=-1)[..., None, :] - stones)
    distances = np.hypot(*np.moveaxis(np.minimum(away, 1 - away) * (1.0, 0.75), -1, 0))  # the texture repeats
    nearest = np.sort(distances)[..., :2]
    brightness = 0.9 + 0.03 * np.array((1, 5, 3, 0, 4, 2, 6, 3))[distances.argmin(-1)]
    seam = np.clip(1 - (nearest[..., 1] - nearest[..., 0]) / 0.06, 0, 1)
    return _mixed((0, 0, 0), colour, brightness) * (1 - seam)[..., None] + np.asarray(SEAM) * seam[..., None]


def water(phase: int) -> np.ndarray:
    """Standing waves that focus light on a blue floor. Phases 0..WATER_PHASES - 1 make a cycle."""
    row, column = _texels()
    turn, time = 2 * np.pi, 2 * np.pi * phase / WATER_PHASES
    wave = np.sin(turn * (2 * column + row)) * np.cos(time) + np.sin(turn * (3 * row - column)) * np.sin(time)
    wave = wave + np.sin(turn * (2 * row + 3 * column)) * np.cos(time + 2) + np.sin(turn * (2 * row - 3 * column))
    return _mixed(WATER, (176, 214, 236), np.clip(1 - np.abs(wave) * 1.1, 0, 1) * 0.5)


def day() -> np.ndarray:
    """Pale blue."""
    return _sky((138, 214, 255), (154, 226, 255))


def stadium() -> np.ndarray:
    """Blue, with the dark roofs of a stadium not far above the horizon."""
    sky = _sky((96, 184, 255), (124, 200, 255))
    around, height = SKY
    angle = 2 * np.pi * (np.arange(around) + 0.5)[:, None] / around
    rise = 1 - 2 * (np.arange(height) + 0.5)[None, :] / height
    roof = 0.46 + 0.1 * np.cos(4 * angle)
    sky[(np.abs(rise - roof) < 0.08) & (np.cos(4 * angle) > -0.6)] = (26, 76, 118, 0)
    sky[np.abs(np.abs(rise - roof) - 0.08) < 0.02] = (62, 66, 70, 0)
    sky[np.abs(rise - roof - 0.09) < 0.012] = (176, 180, 184, 0)
    return sky


def void() -> np.ndarray:
    """The same blue all around islands, above and below the horizon."""
    return _sky((130, 188, 240), (130, 188, 240))


def _sky(above: Sequence[float], horizon: Sequence[float]) -> np.ndarray:
    """A cylinder of sky as uint8 (around, top to bottom, 4); the horizon is at half its height."""
    around, height = SKY
    rise = np.abs(1 - 2 * (np.arange(height) + 0.5) / height)
    column = np.rint(_mixed(horizon, above, rise)).astype(np.uint8)
    return np.tile(padded(column), (around, 1, 1))


def padded(colours: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) with a fourth channel of nothing."""
    return np.concatenate([colours, np.zeros_like(colours[..., :1])], axis=-1)


# --- objects ---


def album(wanted: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (view, 2 n, n, CHANNELS) of the wanted objects, and each object's first view, -1 where not wanted."""
    views, first = [np.empty((0, PICTURE, PICTURE, CHANNELS), np.float32)], np.full(len(SOLIDS) + 1, -1)
    solids = list(SOLIDS.values())
    for picture in wanted:
        first[picture] = sum(map(len, views))
        views.append(_fence() if picture == FENCE else _photographs(*solids[picture]()))
    stacked = mipmap(np.concatenate(views))
    if first[FENCE] >= 0:  # bars stay bars however far away
        bars = stacked[first[FENCE]]
        bars[...] = np.where(bars >= THIN, 255, 0)
    return stacked, first


def _photographs(field: np.ndarray, material: np.ndarray) -> np.ndarray:
    """A solid from VIEWS sides, lit from above the viewer's left: (view, row, column, CHANNELS)."""
    size = len(field)
    solid = np.where(field < 0, material + 1, 0).astype(np.uint8)
    slope = np.gradient(field)
    offset = np.arange(size) + 0.5 - size / 2
    column, z = np.arange(size)[:, None], np.arange(size)[None, :]
    seen, light = np.empty((VIEWS, size, size), np.uint8), np.empty((VIEWS, size, size), np.float32)
    for view in range(VIEWS):
        c, s = np.cos(2 * np.pi * view / VIEWS), np.sin(2 * np.pi * view / VIEWS)
        # (across, depth) of the view as indices of the solid
        x = np.rint(offset[:, None] * s + offset[None, :] * c + (size - 1) / 2).clip(0, size - 1).astype(int)
        y = np.rint(offset[:, None] * -c + offset[None, :] * s + (size - 1) / 2).clip(0, size - 1).astype(int)
        ray = solid[x, y]  # (across, depth, z)
        depth = (ray > 0).argmax(axis=1)
        seen[view] = ray[column, depth, z]
        normal = np.array([part[x[column, depth], y[column, depth], z] for part in slope])
        towards_light = np.array((-0.8 * c - 0.4 * s, -0.8 * s + 0.4 * c, 0.45))
        light[view] = np.tensordot(towards_light, normal, 1) / (np.sqrt((normal**2).sum(axis=0)) + 1e-6)
    table = np.zeros((1 + len(MATERIALS), CHANNELS), np.float32)
    table[1:, [0, 1, 2, COVERAGE, OWN]] = MATERIALS
    image = table[seen]
    image[..., :3] *= (0.35 + 0.65 * light.clip(0, 1))[..., None]
    return _halved(image.swapaxes(1, 2)[:, ::-1])


def _fence() -> np.ndarray:
    """Bars between two rails, wholly in the fence's colour: one view."""
    centres = (np.arange(PICTURE) + 0.5) / PICTURE
    rails = np.minimum(centres, 1 - centres)[:, None] < 0.07
    bars = ((np.arange(PICTURE) + 1) % 8 < 3)[None, :]
    fence = np.zeros((1, PICTURE, PICTURE, CHANNELS), np.float32)
    fence[0, rails | bars, COVERAGE] = fence[0, rails | bars, OWN] = 255
    return fence
