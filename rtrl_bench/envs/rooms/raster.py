"""The renderer's kernels: where things are in a frame, and what colour its pixels get.

Everything upright is a flat: a vertical rectangle over a segment of the ground. In camera coordinates (depth d along
the view, s to the right) the ray of a column is s = t d, so that with e_k = t d_k - s_k for a segment's ends 0 and 1
the ray crosses it where e_0 >= 0 > e_1, at the share e_0 / (e_0 - e_1) of its length and at depth
(s_1 d_0 - s_0 d_1) / (e_0 - e_1).

Texture coordinates are fixed-point integers and everything else float32, without fastmath: frames are the same
everywhere. Rows of `flats` (n, 5): s_0, d_0, s_1, d_1, s_1 d_0 - s_0 d_1, with signs that make the last positive; of
`hits` (n, 3): depth, share, index of the flat; of `spans` (WIDTH, 2): the rows of a column that walls have filled.
`camera` (5,): x, y, z of the eye, cosine and sine of the yaw. A `scene` is a render.Scene.
"""

from __future__ import annotations

import math

import numpy as np

from rtrl_bench.envs.rooms.compiled import compiled
from rtrl_bench.envs.rooms.pictures import CHANNELS, LEVELS, PICTURE, TEXTURE

HEIGHT, WIDTH = 72, 96
HORIZON = HEIGHT // 2  # the first row below it
F32 = np.float32
FOCAL = F32(WIDTH / 2)  # in pixels, for 90 degrees from left to right
SLOPES = ((np.arange(WIDTH) + 0.5) / (WIDTH / 2) - 1).astype(np.float32)  # t of each column
NEAR = F32(2.0)  # nothing is drawn that is nearer, in units
NEAREST, BILINEAR = F32(1.5), F32(2.0)  # texels that a pixel may span, by how they are sampled, before the next level
FULL, DARKEST, FADE = 256, 150, F32(0.035)  # brightness, its least at a distance, its loss per unit of distance
HUD_FIRST, HUD_SIZE, HUD_EDGE = 2, 7, 128  # the held key's square: 48 x 48 at (12, 12) of 640 x 480


@compiled
def stand(flat, s0, d0, s1, d1):
    """Make a flat of a segment in camera coordinates; whether any of it may be in view."""
    if (d0 <= NEAR and d1 <= NEAR) or (s0 > d0 and s1 > d1) or (-s0 > d0 and -s1 > d1):
        return False
    across = s1 * d0 - s0 * d1
    sign = F32(1.0) if across > F32(0.0) else F32(-1.0)
    flat[0], flat[1], flat[2], flat[3], flat[4] = sign * s0, sign * d0, sign * s1, sign * d1, sign * across
    return True


@compiled
def stand_between(flat, camera, x0, y0, x1, y1):
    """The same for a segment in the world."""
    dx0, dy0, dx1, dy1 = x0 - camera[0], y0 - camera[1], x1 - camera[0], y1 - camera[1]
    c, s = camera[3], camera[4]
    return stand(flat, dx0 * s - dy0 * c, dx0 * c + dy0 * s, dx1 * s - dy1 * c, dx1 * c + dy1 * s)


@compiled
def crossings(flats, t, hits):
    """Write where a column's ray crosses flats into `hits`, the nearest first; how often it does."""
    count = 0
    for k in range(len(flats)):
        e0 = t * flats[k, 1] - flats[k, 0]
        e1 = t * flats[k, 3] - flats[k, 2]
        if e0 >= F32(0.0) and e1 < F32(0.0):
            depth = flats[k, 4] / (e0 - e1)
            if depth < NEAR:
                continue
            at = count
            while at > 0 and hits[at - 1, 0] > depth:
                hits[at, 0], hits[at, 1], hits[at, 2] = hits[at - 1, 0], hits[at - 1, 1], hits[at - 1, 2]
                at -= 1
            hits[at, 0], hits[at, 1], hits[at, 2] = depth, e0 / (e0 - e1), F32(k)
            count += 1
    return count


@compiled
def _row(z, eye, scale):
    """The first row whose centre is at or below height z, at `scale` pixels per unit."""
    row = math.ceil(F32(HORIZON - 0.5) - (z - eye) * scale)
    return np.int64(min(max(row, F32(0.0)), F32(HEIGHT)))


@compiled
def _level(texels, most):
    """Mip level at which a pixel that spans so many texels of level 0 spans at most `most`."""
    level = 0
    while texels > most and level < LEVELS - 1:
        texels *= F32(0.5)
        level += 1
    return level


@compiled
def _brightness(depth):
    return max(DARKEST, FULL - np.int64(depth * FADE))


@compiled
def _strip(frame, column, first, end, texels, texture, u, v, step, mask, brightness):
    """Rows first..end-1 of a column from a texture's column u; v in 1/65536 texel is that at the horizon's row."""
    v += (first - HORIZON) * step
    for row in range(first, end):
        texel = (v >> 16) & mask
        frame[0, row, column] = (np.int64(texels[texture, u, texel, 0]) * brightness) >> 8
        frame[1, row, column] = (np.int64(texels[texture, u, texel, 1]) * brightness) >> 8
        frame[2, row, column] = (np.int64(texels[texture, u, texel, 2]) * brightness) >> 8
        v += step


@compiled
def paint_wall(frame, column, span, wall, eye, hit, across, textures):
    """What a wall adds to a column above and below the span that nearer ones have filled; `across`: of its flat."""
    depth = hit[0]
    scale = FOCAL / depth
    texels_up = wall[8] / (wall[5] - wall[4])
    texels_along = wall[7] * depth * depth / (across * FOCAL)  # per column
    level = _level(max(texels_up / scale, texels_along), NEAREST)
    size = TEXTURE >> level
    smaller = F32(1.0) / F32(1 << level)
    u = (np.int64(hit[1] * wall[7] * smaller) & (size - 1)) + 2 * TEXTURE - (2 * TEXTURE >> level)
    step = np.int64(texels_up * smaller / scale * F32(65536.0))
    v = np.int64((wall[5] - eye) * texels_up * smaller * F32(65536.0)) + (step >> 1)
    brightness = (_brightness(depth) * np.int64(wall[9])) >> 8
    texture = np.int64(wall[6])
    first, end = min(span[0], _row(wall[5], eye, scale)), max(span[1], _row(wall[4], eye, scale))
    _strip(frame, column, first, span[0], textures, texture, u, v, step, size - 1, brightness)
    _strip(frame, column, span[1], end, textures, texture, u, v, step, size - 1, brightness)
    span[0], span[1] = first, end


@compiled
def paint_sky(frame, column, end, yaw, scene):
    """Rows 0..end-1 of a column: a cylinder around the viewer, as high as the frame in the middle of the view."""
    around, size = scene.sky.shape[1], scene.sky.shape[2]
    t = SLOPES[column]
    u = np.int64(math.floor(F32(yaw) * F32(around / 360.0) - scene.bearings[column])) & (around - 1)
    step = np.int64(F32(size * 65536.0 / HEIGHT) / math.sqrt(F32(1.0) + t * t))
    v = np.int64(size * 32768) + (step >> 1)
    first, texture, full = np.int64(0), np.int64(0), np.int64(FULL)  # typed: numba compiles anew for literals
    _strip(frame, column, first, end, scene.sky, texture, u, v, step, size - 1, full)


@compiled
def paint_floor(frame, spans, ground, camera, height, texture, scene):
    """All rows below the horizon, where no wall is and the ground is not nothing; `height`: of the eye above it."""
    c, s = camera[3], camera[4]
    cell = F32(scene.ground_cell)
    one = F32(4294967296.0) / cell  # per unit: cells in fixed point
    density = F32(1 << scene.ground_texels) / cell
    x0, y0 = camera[0] - F32(scene.ground_x), camera[1] - F32(scene.ground_y)
    for row in range(HORIZON, HEIGHT):
        depth = height * FOCAL / (F32(row) + F32(0.5 - HORIZON))
        left, pixel = depth * SLOPES[0], depth / FOCAL
        x, step_x = np.int64((x0 + depth * c + left * s) * one), np.int64(pixel * s * one)
        y, step_y = np.int64((y0 + depth * s - left * c) * one), np.int64(-pixel * c * one)
        level = _level(density * pixel * max(F32(1.0), F32(0.5) * depth / height), NEAREST)
        shift, mask = 32 - scene.ground_texels + level, (TEXTURE >> level) - 1
        offset = 2 * TEXTURE - (2 * TEXTURE >> level)
        brightness = _brightness(depth)
        for column in range(WIDTH):
            i, j = y >> 32, x >> 32
            inside = i >= 0 and i < ground.shape[0] and j >= 0 and j < ground.shape[1]
            if spans[column, 1] <= row and inside and ground[i, j] > 0:
                kind = texture + np.int64(ground[i, j]) - 1
                u, v = ((x >> shift) & mask) + offset, (y >> shift) & mask
                frame[0, row, column] = (np.int64(scene.textures[kind, u, v, 0]) * brightness) >> 8
                frame[1, row, column] = (np.int64(scene.textures[kind, u, v, 1]) * brightness) >> 8
                frame[2, row, column] = (np.int64(scene.textures[kind, u, v, 2]) * brightness) >> 8
            x += step_x
            y += step_y


@compiled
def blend_picture(frame, column, item, eye, hit, across, texel, scene):
    """Lay a picture over a column, bilinearly sampled. `item`: z0, z1, view, colour, and the part of the picture from
    its left, 0..1, at either end of its flat; `texel` (CHANNELS,): scratch.
    """
    depth = hit[0]
    scale = FOCAL / depth
    texels_up = F32(PICTURE) / (item[1] - item[0])
    texels_along = F32(PICTURE) * (item[5] - item[4]) * depth * depth / (across * FOCAL)
    level = _level(max(texels_up / scale, texels_along), BILINEAR)
    size = PICTURE >> level
    smaller = F32(1.0) / F32(1 << level)
    along = np.int64((item[4] + hit[1] * (item[5] - item[4])) * F32(size * 256)) - 128
    offset = 2 * PICTURE - (2 * PICTURE >> level)
    u0, u1, right = max(along >> 8, 0) + offset, min((along >> 8) + 1, size - 1) + offset, along & 255
    first, end = _row(item[1], eye, scale), _row(item[0], eye, scale)
    step = np.int64(texels_up * smaller / scale * F32(65536.0))
    v = np.int64((item[1] - eye) * texels_up * smaller * F32(65536.0)) + (first - HORIZON) * step + (step >> 1) - 32768
    view, colour = np.int64(item[2]), np.int64(item[3])
    for row in range(first, end):
        v0, v1, below = max(v >> 16, 0), min((v >> 16) + 1, size - 1), (v >> 8) & 255
        v += step
        w01, w10, w11 = (256 - right) * below, right * (256 - below), right * below
        w00 = 65536 - w01 - w10 - w11
        for k in range(CHANNELS):
            above = w00 * np.int64(scene.pictures[view, u0, v0, k]) + w10 * np.int64(scene.pictures[view, u1, v0, k])
            under = w01 * np.int64(scene.pictures[view, u0, v1, k]) + w11 * np.int64(scene.pictures[view, u1, v1, k])
            texel[k] = (above + under + 32768) >> 16
        for k in range(3):
            behind = np.int64(frame[k, row, column])
            mixed = texel[4] * np.int64(scene.colours[colour, k]) + (255 - texel[3]) * behind
            frame[k, row, column] = min(texel[k] + (mixed + 127) // 255, 255)


@compiled
def paint_key(frame, rgb):
    """The held key's square, with an edge."""
    last = HUD_FIRST + HUD_SIZE
    for k in range(3):
        for row in range(HUD_FIRST - 1, last + 1):
            for column in range(HUD_FIRST - 1, last + 1):
                inside = HUD_FIRST <= row and row < last and HUD_FIRST <= column and column < last
                frame[k, row, column] = rgb[k] if inside else HUD_EDGE
