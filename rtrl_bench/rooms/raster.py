"""The renderer's kernels: where things are in a frame, and what colour its pixels get.

Everything upright is a flat: a vertical rectangle over a segment of the ground. In camera coordinates (depth d along
the view, s to the right) the ray of a column is s = t d, so that with e_k = t d_k - s_k for a segment's ends 0 and 1
the ray crosses it where e_0 >= 0 > e_1, at the share e_0 / (e_0 - e_1) of its length and at depth
(s_1 d_0 - s_0 d_1) / (e_0 - e_1).

Texture coordinates are fixed-point integers and everything else float32, without fastmath: frames are the same
everywhere. A canvas (HEIGHT, WIDTH) holds a pixel in an integer: red in its lowest byte, then green and blue. Rows of
`flats` (n, 5): s_0, d_0, s_1, d_1, s_1 d_0 - s_0 d_1, with signs that make the last positive; of `hits` (n, 3): depth,
share, index of the flat; of `spans` (WIDTH, 2): the rows of a column that walls have filled. `camera` (5,): x, y, z of
the eye, cosine and sine of the yaw. A `scene` is a scenes.Scene.
"""

from __future__ import annotations

import math

import numpy as np

from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.pictures import LEVELS, PICTURE, TEXTURE

HEIGHT, WIDTH = 72, 96
HORIZON = HEIGHT // 2  # the first row below it
F32 = np.float32
FOCAL = F32(WIDTH / 2)  # in pixels, for 90 degrees from left to right
SLOPES = ((np.arange(WIDTH) + 0.5) / (WIDTH / 2) - 1).astype(np.float32)  # t of each column
NEAR = F32(2.0)  # nothing is drawn that is nearer, in units
NEAREST, BILINEAR = F32(1.5), F32(2.0)  # texels that a pixel may span, by how they are sampled, before the next level
FULL, DARKEST, FADE = 256, 150, F32(0.035)  # brightness, its least at a distance, its loss per unit of distance
RED_BLUE, GREEN, EIGHT = np.uint32(0xFF00FF), np.uint32(0x00FF00), np.uint32(8)


def packed(red, green, blue):
    """Colours as pixels of a canvas: integers, or arrays of them."""
    return red | green << 8 | blue << 16


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
def seen_from(camera, x, y):
    """A point in camera coordinates: to the right of the view, and along it."""
    dx, dy = x - camera[0], y - camera[1]
    return dx * camera[4] - dy * camera[3], dx * camera[3] + dy * camera[4]


@compiled
def stand_between(flat, camera, x0, y0, x1, y1):
    """The same for a segment in the world."""
    s0, d0 = seen_from(camera, x0, y0)
    s1, d1 = seen_from(camera, x1, y1)
    return stand(flat, s0, d0, s1, d1)


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
def _shade(pixel, brightness):
    """A pixel at so many 256ths of its brightness, two channels at once."""
    dim = np.uint32(brightness)
    red_blue = ((pixel & RED_BLUE) * dim >> EIGHT) & RED_BLUE
    return red_blue | (((pixel & GREEN) * dim >> EIGHT) & GREEN)


@compiled
def _strip(canvas, column, first, end, texels, texture, u, v, step, mask, brightness):
    """Rows first..end-1 of a column from a texture's column u; v in 1/65536 texel is that at the horizon's row."""
    v += (first - HORIZON) * step
    strip = texels[texture, u]
    if brightness == FULL:
        for row in range(first, end):
            canvas[np.uint64(row), np.uint64(column)] = strip[np.uint64((v >> 16) & mask), 0]
            v += step
        return
    for row in range(first, end):
        pixel = np.uint32(strip[np.uint64((v >> 16) & mask), 0])
        canvas[np.uint64(row), np.uint64(column)] = _shade(pixel, brightness)
        v += step


@compiled
def paint_wall(canvas, column, span, wall, eye, hit, across, textures):
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
    _strip(canvas, column, first, span[0], textures, texture, u, v, step, size - 1, brightness)
    _strip(canvas, column, span[1], end, textures, texture, u, v, step, size - 1, brightness)
    span[0], span[1] = first, end


@compiled
def paint_sky(canvas, column, end, yaw, sky, bearings):
    """Rows 0..end-1 of a column: a cylinder around the viewer, as high as the frame in the middle of the view."""
    around, size = sky.shape[1], sky.shape[2]
    t = SLOPES[column]
    u = np.int64(math.floor(F32(yaw) * F32(around / 360.0) - bearings[column])) & (around - 1)
    step = np.int64(F32(size * 65536.0 / HEIGHT) / math.sqrt(F32(1.0) + t * t))
    v = np.int64(size * 32768) + (step >> 1)
    first, texture, full = np.int64(0), np.int64(0), np.int64(FULL)  # typed: numba compiles anew for literals
    _strip(canvas, column, first, end, sky, texture, u, v, step, size - 1, full)


@compiled
def paint_floor(canvas, spans, ground, camera, height, texture, textures, scene):
    """All rows below the horizon, where no wall is and the ground has floor; `height`: of the eye above it.

    A ground of one cell is floor everywhere.
    """
    everywhere, tiles = ground.size == 1, textures[texture]
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
            if spans[column, 1] <= row and (everywhere or _has_floor(ground, y >> 32, x >> 32)):
                u, v = np.uint64(((x >> shift) & mask) + offset), np.uint64((y >> shift) & mask)
                canvas[np.uint64(row), np.uint64(column)] = _shade(np.uint32(tiles[u, v, 0]), brightness)
            x += step_x
            y += step_y


@compiled
def _has_floor(ground, i, j):
    return i >= 0 and i < ground.shape[0] and j >= 0 and j < ground.shape[1] and ground[i, j] > 0


@compiled
def blend_picture(canvas, column, item, eye, hit, across, pictures, tint, crisp):
    """Lay a picture over a column, bilinearly sampled or (`crisp`) at the nearest texel.

    `item`: z0, z1, view, and the part of the picture from its left, 0..1, at either end of its flat; `tint`: the
    sprite's own colour.
    """
    depth = hit[0]
    scale = FOCAL / depth
    texels_up = F32(PICTURE) / (item[1] - item[0])
    texels_along = F32(PICTURE) * (item[4] - item[3]) * depth * depth / (across * FOCAL)
    level = _level(max(texels_up / scale, texels_along), BILINEAR)
    size = PICTURE >> level
    smaller = F32(1.0) / F32(1 << level)
    along = np.int64((item[3] + hit[1] * (item[4] - item[3])) * F32(size * 256)) - 128
    offset = 2 * PICTURE - (2 * PICTURE >> level)
    u0, u1, right = max(along >> 8, 0) + offset, min((along >> 8) + 1, size - 1) + offset, along & 255
    first, end = _row(item[1], eye, scale), _row(item[0], eye, scale)
    step = np.int64(texels_up * smaller / scale * F32(65536.0))
    v = np.int64((item[1] - eye) * texels_up * smaller * F32(65536.0)) + (first - HORIZON) * step + (step >> 1) - 32768
    view = np.int64(item[2])
    if crisp:
        u = u1 if right >= 128 else u0
        for row in range(first, end):
            texel = min((v >> 16) + 1, size - 1) if (v >> 8) & 255 >= 128 else max(v >> 16, 0)
            v += step
            cover = np.int64(pictures[view, u, texel, 1]) & RED_BLUE
            if cover > 0:
                colour = np.int64(pictures[view, u, texel, 0])
                canvas[row, column] = _laid_over(canvas[row, column], colour, cover, tint)
        return
    for row in range(first, end):
        v0, v1, below = max(v >> 16, 0), min((v >> 16) + 1, size - 1), (v >> 8) & 255
        v += step
        w11 = (right * below + 128) >> 8
        w10, w01 = right - w11, below - w11
        w00 = 256 - w01 - w10 - w11
        cover, rest = np.int64(0), np.int64(0)
        cover += w00 * np.int64(pictures[view, u0, v0, 1]) + w10 * np.int64(pictures[view, u1, v0, 1])
        cover += w01 * np.int64(pictures[view, u0, v1, 1]) + w11 * np.int64(pictures[view, u1, v1, 1])
        cover = (cover >> 8) & RED_BLUE
        if cover == 0:
            continue
        rest += _weighted(pictures[view, u0, v0, 0], w00) + _weighted(pictures[view, u1, v0, 0], w10)
        rest += _weighted(pictures[view, u0, v1, 0], w01) + _weighted(pictures[view, u1, v1, 0], w11)
        canvas[row, column] = _laid_over(canvas[row, column], rest, cover, tint)


@compiled
def _laid_over(behind, colour, cover, tint):
    """A pixel behind a picture's `colour`; `cover`: its coverage, and the share of the sprite's own colour."""
    clear, own = 255 - (cover & 255), cover >> 16
    return colour + _shade(tint, own + (own >> 7)) + _shade(np.int64(behind), clear + (clear >> 7))


@compiled
def _weighted(pixel, weight):
    return _shade(np.int64(pixel), weight)


@compiled
def paint_drum(canvas, column, drum, eye, side, depth, edge, rim, top):
    """A low upright cylinder: `drum` (z0, z1, radius), its centre to the `side` of the view and at `depth`.

    Colours of its side, of the rim of its upper face, and of what of that lies within 3/4 of its radius.
    """
    near, far = _chord(SLOPES[column], side, depth, drum[2])
    if near < NEAR:
        return
    foot, lip = _row(drum[0], eye, FOCAL / near), _row(drum[1], eye, FOCAL / near)
    back = _row(drum[1], eye, FOCAL / far)
    for row in range(lip, foot):
        canvas[row, column] = edge
    for row in range(back, lip):
        canvas[row, column] = rim
    near, far = _chord(SLOPES[column], side, depth, F32(0.75) * drum[2])
    if near >= NEAR:
        for row in range(_row(drum[1], eye, FOCAL / far), _row(drum[1], eye, FOCAL / near)):
            canvas[row, column] = top


@compiled
def _chord(t, side, depth, radius):
    """The depths at which a column's ray enters and leaves a circle on the ground; negative ones if it does not."""
    along = F32(1.0) + t * t
    half = t * side + depth
    inside = half * half - along * (side * side + depth * depth - radius * radius)
    if inside <= F32(0.0):
        return F32(-1.0), F32(-1.0)
    root = F32(math.sqrt(inside))
    return (half - root) / along, (half + root) / along


@compiled
def develop(canvas, frame, over):
    """Write a canvas into a frame, uint8 (HEIGHT, WIDTH, 3); `over`: where it is brighter than what is there."""
    pixels, bytes_ = canvas.reshape(HEIGHT * WIDTH), frame.reshape(3 * HEIGHT * WIDTH)
    for k in range(HEIGHT * WIDTH):
        for channel in range(3):
            value = np.uint8((pixels[k] >> np.uint32(8 * channel)) & np.uint32(255))
            at = np.uint64(3 * k + channel)
            bytes_[at] = max(value, bytes_[at]) if over else value
