"""The objects as solids: a field that is negative inside, and the material at each point, on a grid of n^3 points.

x and y are horizontal, z is up, all in -1..1; the solids stay within a cylinder of radius 0.95.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Solid = tuple[np.ndarray, np.ndarray]  # field (x, y, z), material (x, y, z)

# Red, green, blue, coverage, share of the sprite's colour
DARK, GLOW, ORANGE, WHITE = range(4)
MATERIALS = ((70, 70, 74, 255, 0), (0, 0, 0, 255, 255), (255, 130, 20, 255, 0), (250, 245, 235, 255, 0))

POINTS = 64
_centres = (np.arange(POINTS, dtype=np.float32) + 0.5) * (2 / POINTS) - 1
X, Y, Z = _centres[:, None, None], _centres[None, :, None], _centres[None, None, :]
RADIUS = np.sqrt(X**2 + Y**2)


def _ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    return np.sqrt((X - x) ** 2 + (Y - y) ** 2 + (Z - z) ** 2) - np.float32(radius)


def _box(half_x: float, half_y: float, half_z: float, z: float = 0.0, y: float = 0.0) -> np.ndarray:
    return _all(np.abs(X) - half_x, np.abs(Y - y) - half_y, np.abs(Z - z) - half_z)


def _all(*fields: np.ndarray) -> np.ndarray:
    """What is inside of all."""
    common = fields[0]
    for field in fields[1:]:
        common = np.maximum(common, field)
    return common


def _any(*fields: np.ndarray) -> np.ndarray:
    """What is inside of one or more."""
    return -_all(*(-field for field in fields))


def _solid(field: np.ndarray, glow: np.ndarray) -> Solid:
    """Dark, and glowing where `glow` is true."""
    return _filled(field), _filled(np.where(glow, GLOW, DARK))


def _filled(values: np.ndarray) -> np.ndarray:
    """On the whole grid, what was given along some of its axes."""
    return np.broadcast_to(values, (POINTS, POINTS, POINTS))


def barbell() -> Solid:
    """Two balls on a bar; the outer halves of the balls glow."""
    balls = _any(_ball(0, -0.52, 0, 0.42), _ball(0, 0.52, 0, 0.42))
    bar = _all(np.sqrt(X**2 + Z**2) - 0.16, np.abs(Y) - 0.6)
    return _solid(_any(balls, bar), np.abs(Y) > 0.5)


def coil() -> Solid:
    """A spring; every other turn glows."""
    turns, height = 3, 0.57
    pitch = 2 * height / turns
    rise = np.arctan2(Y, X) / (2 * np.pi)
    turn = np.clip(np.rint((Z + height) / pitch - rise), 0, turns)
    field = np.sqrt((RADIUS - 0.66) ** 2 + (Z + height - (turn + rise) * pitch) ** 2) - 0.17
    return _solid(field, turn % 2 == 1)


def cone() -> Solid:
    """A cone; its tip and its foot glow."""
    field = _all(RADIUS - 0.5 * (0.9 - Z), -0.85 - Z)
    return _solid(field, (Z > 0.25) | (Z < -0.5))


def crossbar() -> Solid:
    """An upright and a crossing bar; the ends glow."""
    field = _any(_box(0.2, 0.2, 0.92), _box(0.2, 0.92, 0.2))
    return _solid(field, (np.abs(Z) > 0.5) | (np.abs(Y) > 0.5))


def cube() -> Solid:
    """A cube; its edges glow."""
    side = 0.62
    near = [(np.abs(axis) > side - 0.26).astype(np.int8) for axis in (X, Y, Z)]
    return _solid(_box(side, side, side), near[0] + near[1] + near[2] >= 2)


def cylinder() -> Solid:
    """A tall cylinder; its middle glows."""
    return _solid(_all(RADIUS - 0.5, np.abs(Z) - 0.9), np.abs(Z) < 0.45)


def doubleprism() -> Solid:
    """Two pyramids tip to tip; the outer halves glow."""
    width = np.maximum(np.abs(X), np.abs(Y))
    return _solid(_all(width - 0.08 - 0.65 * np.abs(Z), np.abs(Z) - 0.88), np.abs(Z) > 0.5)


def glowball() -> Solid:
    """A ball that glows all over, on a dark stand."""
    field = _any(_ball(0, 0, 0.3, 0.6), _all(RADIUS - 0.3, np.abs(Z + 0.6) - 0.32))
    return _solid(field, Z > -0.32)


def potcone() -> Solid:
    """A cone on its tip under a wide rim; the rim glows."""
    field = _any(_all(RADIUS - 0.42 * (Z + 0.92), Z - 0.5), _all(RADIUS - 0.88, np.abs(Z - 0.6) - 0.22))
    return _solid(field, Z > 0.38)


def prismjack() -> Solid:
    """Four bars through the corners of a cube; their crossing glows."""
    length = X**2 + Y**2 + Z**2
    bars = [length - (X + y * Y + z * Z) ** 2 / 3 - 0.19**2 for y in (-1, 1) for z in (-1, 1)]
    return _solid(_all(_any(*bars), np.abs(Z) - 0.72, RADIUS - 0.95), length < 0.55**2)


def sphere() -> Solid:
    """A large ball; its lower half glows."""
    return _solid(_ball(0, 0, 0, 0.85), Z < -0.1)


def toroid() -> Solid:
    """An upright ring; its outside glows."""
    ring = np.sqrt(Y**2 + Z**2) - 0.64
    return _solid(np.sqrt(ring**2 + X**2) - 0.26, ring > 0.06)


def key() -> Solid:
    """A key, wholly in its colour: a ring, a shaft and two teeth."""
    ring = _all(np.abs(np.sqrt(Y**2 + (Z - 0.5) ** 2) - 0.3) - 0.13, np.abs(X) - 0.13)
    shaft = _box(0.13, 0.11, 0.55, z=-0.38)
    teeth = _any(_box(0.13, 0.19, 0.09, z=-0.82, y=0.25), _box(0.13, 0.14, 0.08, z=-0.45, y=0.2))
    field = _any(ring, shaft, teeth)
    return field, _filled(np.array(GLOW))


def goal() -> Solid:
    """An ice lolly: orange and white bands on a stick."""
    width = np.sqrt(np.maximum(np.abs(Y) - 0.16, 0) ** 2 + np.maximum(np.abs(Z - 0.25) - 0.4, 0) ** 2)
    field = _any(_all(width - 0.26, np.abs(X) - 0.28), _box(0.1, 0.1, 0.5, z=-0.45))
    white = ((Z > 0.05) & (Z < 0.35)) | (Z < -0.4)
    return field, _filled(np.where(white, WHITE, ORANGE))


SOLIDS: dict[str, Callable[[], Solid]] = {
    solid.__name__: solid
    for solid in (
        *(barbell, coil, cone, crossbar, cube, cylinder, doubleprism, glowball, potcone, prismjack, sphere, toroid),
        *(key, goal),
    )
}
