"""The objects as solids: a field that is negative inside, and the material at each point, on a grid of n^3 points.

x and y are horizontal, z is up, all in -1..1; the solids stay within a cylinder of radius 0.95.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Solid = tuple[np.ndarray, np.ndarray]  # field (x, y, z), material (x, y, z)

# Red, green, blue, coverage, share of the sprite's colour
DARK, OWN, ORANGE, WHITE = range(4)
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


def _solid(field: np.ndarray, dark: np.ndarray) -> Solid:
    """In the sprite's colour, and dark where `dark` is true."""
    return _filled(field), _filled(np.where(dark, DARK, OWN))


def _filled(values: np.ndarray) -> np.ndarray:
    """On the whole grid, what was given along some of its axes."""
    return np.broadcast_to(values, (POINTS, POINTS, POINTS))


def barbell() -> Solid:
    """Two thick discs, one over the other, on a bar."""
    discs = _any(_all(RADIUS - 0.5, np.abs(Z - 0.72) - 0.2), _all(RADIUS - 0.5, np.abs(Z + 0.72) - 0.2))
    return _solid(_any(discs, _all(RADIUS - 0.2, np.abs(Z) - 0.7)), np.abs(Z) < 0.07)


def coil() -> Solid:
    """A spring around a dark core."""
    turns, height = 3, 0.55
    pitch = 2 * height / turns
    rise = np.arctan2(Y, X) / (2 * np.pi)
    turn = np.clip(np.rint((Z + height) / pitch - rise), 0, turns)
    spring = np.sqrt((RADIUS - 0.4) ** 2 + (Z + height - (turn + rise) * pitch) ** 2) - 0.16
    return _solid(_any(spring, _all(RADIUS - 0.22, np.abs(Z) - 0.85)), RADIUS < 0.24)


def cone() -> Solid:
    """A cone with a dark tip."""
    return _solid(_all(RADIUS - 0.5 * (0.9 - Z), -0.85 - Z), Z > 0.5)


def crossbar() -> Solid:
    """An upright on two legs under a crossing bar."""
    legs = _any(_box(0.16, 0.12, 0.3, z=-0.62, y=-0.2), _box(0.16, 0.12, 0.3, z=-0.62, y=0.2))
    field = _any(_box(0.2, 0.62, 0.2, z=0.62), _box(0.2, 0.26, 0.75), legs)
    return _solid(field, Z < -0.6)


def cube() -> Solid:
    """A low block with a notch."""
    field = _all(_box(0.66, 0.66, 0.5, z=-0.4), -_box(0.3, 0.3, 0.3, z=0.1))
    return _solid(field, Z < -0.8)


def cylinder() -> Solid:
    """A tall cylinder under a dark cap with a knob."""
    field = _any(_all(RADIUS - 0.34, np.abs(Z + 0.18) - 0.76), _all(RADIUS - 0.14, np.abs(Z - 0.72) - 0.2))
    return _solid(field, Z > 0.34)


def doubleprism() -> Solid:
    """Two blocks side by side with dark lids."""
    field = _any(_box(0.28, 0.42, 0.7, y=-0.47), _box(0.28, 0.42, 0.7, y=0.47))
    return _solid(field, Z > 0.4)


def glowball() -> Solid:
    """A ball on a dark stand."""
    field = _any(_ball(0, 0, 0.28, 0.62), _all(RADIUS - 0.26, np.abs(Z + 0.6) - 0.34))
    return _solid(field, Z < -0.34)


def potcone() -> Solid:
    """A pot that widens upwards, with a dark foot."""
    field = _any(_all(RADIUS - 0.42 * (Z + 1.1), np.abs(Z + 0.1) - 0.8), _all(RADIUS - 0.92, np.abs(Z - 0.76) - 0.16))
    return _solid(field, Z < -0.6)


def prismjack() -> Solid:
    """Four bars through the corners of a cube, with dark ends."""
    length = X**2 + Y**2 + Z**2
    bars = [length - (X + y * Y + z * Z) ** 2 / 3 - 0.22**2 for y in (-1, 1) for z in (-1, 1)]
    return _solid(_all(_any(*bars), np.abs(Z) - 0.76, RADIUS - 0.95), length > 0.8**2)


def sphere() -> Solid:
    """A large ball with a dark belt."""
    return _solid(_ball(0, 0, 0, 0.88), np.abs(Z) < 0.1)


def toroid() -> Solid:
    """An upright ring."""
    ring = np.sqrt((1.25 * Y) ** 2 + Z**2) - 0.68
    return _solid(np.sqrt(ring**2 + X**2) - 0.22, Z > 2.0)


def key() -> Solid:
    """A key, wholly in its colour: a ring, a shaft and two teeth."""
    ring = _all(np.abs(np.sqrt(Y**2 + (Z - 0.5) ** 2) - 0.3) - 0.13, np.abs(X) - 0.13)
    shaft = _box(0.13, 0.11, 0.55, z=-0.38)
    teeth = _any(_box(0.13, 0.19, 0.09, z=-0.82, y=0.25), _box(0.13, 0.14, 0.08, z=-0.45, y=0.2))
    field = _any(ring, shaft, teeth)
    return field, _filled(np.array(OWN))


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
