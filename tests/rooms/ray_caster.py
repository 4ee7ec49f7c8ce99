"""An independent ray caster, pixel by pixel in double precision, and poses to look from."""

from __future__ import annotations

import numpy as np
from views import COLUMNS, FLOOR_Z, ISLANDS, KEYS, NONMATCHING, ROWS, WATERMAZE

from rtrl_bench.rooms import maps
from rtrl_bench.rooms.state import GRID


def cast(level, slot):
    """Of each pixel: texture's number (-1: sky), u, v in 0..1 and depth of what its ray meets first."""
    yaw, eye = np.radians(slot["yaw"]), np.array([slot["x"], slot["y"], slot["z"] + 26.0])
    dx = np.cos(yaw) + COLUMNS * np.sin(yaw) + 0 * ROWS
    dy = np.sin(yaw) - COLUMNS * np.cos(yaw) + 0 * ROWS
    dz = ROWS + 0 * COLUMNS
    kind, depth = np.full((72, 96), -1), np.full((72, 96), np.inf)
    u, v = np.zeros((72, 96)), np.zeros((72, 96))
    walls = {NONMATCHING: maps.NONMATCHING_WALLS, WATERMAZE: maps.WATERMAZE_WALLS, KEYS: []}[level]
    for x0, y0, x1, y1, z0, z1, texture in np.asarray(walls, float):
        # eye + depth (dx, dy) = (x0, y0) + share (x1 - x0, y1 - y0), by Cramer's rule
        determinant = dy * (x1 - x0) - dx * (y1 - y0)
        hit_depth = ((y0 - eye[1]) * (x1 - x0) - (x0 - eye[0]) * (y1 - y0)) / determinant
        share = (dx * (y0 - eye[1]) - dy * (x0 - eye[0])) / determinant
        z = eye[2] + hit_depth * dz
        hit = (hit_depth > 0) & (share >= 0) & (share < 1) & (z >= z0) & (z < z1) & (hit_depth < depth)
        along, up = (
            (max(1, round(np.hypot(x1 - x0, y1 - y0) / 128)), round((z1 - z0) / 128)) if texture == 0 else (1, 1)
        )
        kind[hit], depth[hit] = texture, hit_depth[hit]
        u[hit], v[hit] = share[hit] * along % 1, (z1 - z[hit]) / (z1 - z0) * up % 1
    hit_depth = np.where(dz < 0, (FLOOR_Z[level] - eye[2]) / np.where(dz < 0, dz, -1), np.inf)
    near = hit_depth < depth
    x, y = eye[0] + np.where(near, hit_depth, 0) * dx, eye[1] + np.where(near, hit_depth, 0) * dy
    texture, spans = floor_at(level, x, y)
    floor = near & (texture >= 0)
    kind[floor], depth[floor] = texture[floor], hit_depth[floor]
    u[floor], v[floor] = x[floor] / spans % 1, y[floor] / spans % 1
    return kind, u, v, depth


def floor_at(level, x, y):
    """Texture's number (-1: nothing) at points of the floor, and how many units it spans."""
    if level == NONMATCHING:
        return np.full(x.shape, 1), 64
    if level == WATERMAZE:
        return np.full(x.shape, 9), 128
    i, j = np.floor(y / 100).astype(int), np.floor(x / 100).astype(int)
    inside = (i >= 0) & (i < GRID[0]) & (j >= 0) & (j < GRID[1])
    return np.where(inside & (ISLANDS[i.clip(0, GRID[0] - 1), j.clip(0, GRID[1] - 1)] > 0), 0, -1), 100


def cast_drum(level, slot, drum):
    """Of each pixel: the face of an upright cylinder (x, y, z0, z1, radius, ...) that its ray meets first.

    0 its side, 1 the rim of its upper face, 2 the inner part, within 3/4 of the radius; -1 none.
    """
    x, y, z0, z1, radius = (float(value) for value in drum[:5])
    yaw, eye = np.radians(slot["yaw"]), np.array([slot["x"], slot["y"], slot["z"] + 26.0])
    dx, dy = np.cos(yaw) + COLUMNS * np.sin(yaw) + 0 * ROWS, np.sin(yaw) - COLUMNS * np.cos(yaw) + 0 * ROWS
    dz = ROWS + 0 * COLUMNS
    faces = np.full((72, 96), -1)
    a, b = dx**2 + dy**2, dx * (eye[0] - x) + dy * (eye[1] - y)
    c = (eye[0] - x) ** 2 + (eye[1] - y) ** 2 - radius**2
    meets = b**2 - a * c > 0
    depth = (-b - np.sqrt(np.where(meets, b**2 - a * c, 0))) / a
    z = eye[2] + depth * dz
    faces[meets & (z >= z0) & (z < z1)] = 0
    depth = (z1 - eye[2]) / np.where(dz < 0, dz, -1)
    from_centre = np.hypot(eye[0] + depth * dx - x, eye[1] + depth * dy - y)
    faces[(dz < 0) & (from_centre < radius)] = 1
    faces[(dz < 0) & (from_centre < 0.75 * radius)] = 2
    return faces


POSES = {
    NONMATCHING: [
        (-232, -64, 0),
        (-20, 90, -60),
        (288, -64, 0),
        (300, -100, 160),
        (590, 60, -133),
        (110, -240, 117),
        (500, 0, 215),
    ],
    WATERMAZE: [(0, 0, 10), (700, 0, 0), (-500, 350, 100), (300, -600, -80), (-100, 730, -41), (20, 30, 201)],
    KEYS: [(150, 150, 45), (350, 250, 180), (250, 450, -90), (450, 250, 10), (320, 520, 250)],
}
