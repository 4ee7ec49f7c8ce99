"""What the engine writes over the picture: time left, score, ammunition, health; the held key; the start's dark ring.

Places in pixels of 72 x 96, of which the engine draws a screen of 480 x 640. Source: pictures of the engine; digits and
signs are our own.
"""

from __future__ import annotations

import numpy as np

from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.dmlab_levels import FRAMES_PER_SECOND
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR
from rtrl_bench.rooms.raster import HEIGHT, WIDTH, packed

# Three bits a row, five rows, the top row in the highest bits
DIGITS = np.array([0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71222, 0o75757, 0o75717])
DIGIT_WIDTH, DIGIT_HEIGHT = 3, 5

INK, PALE, TAN = packed(30, 34, 60), packed(225, 230, 255), packed(150, 120, 80)
BOX, SIGN, CROSS, GREY = packed(90, 86, 170), packed(190, 245, 250), packed(230, 235, 240), packed(170, 165, 150)
KEY_FIRST, KEY_SIZE, KEY_EDGE = 2, 7, packed(128, 128, 128)  # 48 x 48 at (12, 12) of 640 x 480
RING_FRAMES, RING = 7, packed(24, 24, 26)
HUNDRED = 100  # of ammunition, and of health


def _rectangle(row: int, column: int, rows: int, columns: int, colour: int) -> list[tuple[int, int, int]]:
    return [(row + i, column + j, colour) for i in range(rows) for j in range(columns)]


def _ring() -> list[tuple[int, int, int]]:
    """The part that is in view of a ring around the player."""
    row, column = np.mgrid[HEIGHT - 14 : HEIGHT, :WIDTH]
    on = abs(np.hypot((column - 47.5) / 54.0, (row - 92.0) / 31.0) - 1.0) < 0.05
    return [(i, j, RING) for i, j in zip(row[on].tolist(), column[on].tolist())]


# Rows, columns and colours of the pixels that are always the same; kernels compile four seconds longer with them inside
SIGNS = np.array(
    [
        *_rectangle(61, 89, 4, 6, BOX),
        *(*_rectangle(65, 1, 7, 14, TAN), *_rectangle(65, 16, 4, 5, SIGN)),
        *(*_rectangle(65, 29, 7, 13, GREY), *_rectangle(58, 43, 4, 3, CROSS)),
    ]
)
NUMBERS = np.array([(1, 96, INK, 1), (61, 95, PALE, 1), (66, 15, INK, 0), (66, 42, INK, 0)])  # as `_number` takes them
RING_PIXELS = np.array(_ring())
KEY_PIXELS = np.array(_rectangle(KEY_FIRST - 1, KEY_FIRST - 1, KEY_SIZE + 2, KEY_SIZE + 2, KEY_EDGE))


@compiled
def paint(canvas, slot, scene):
    """All that belongs over a slot's picture; without `scene.hud` the held key alone, which the level itself shows."""
    if scene.hud:
        if slot.frame < RING_FRAMES:
            _stamp(canvas, RING_PIXELS)
        _stamp(canvas, SIGNS)
        seconds = (max(0, scene.last_frame - slot.frame) + FRAMES_PER_SECOND - 1) // FRAMES_PER_SECOND
        values = (seconds, np.int64(slot.score), HUNDRED, HUNDRED)
        for k in range(len(NUMBERS)):  # one call for all: numba compiles anew for literals
            _number(canvas, NUMBERS[k, 0], NUMBERS[k, 1], values[k], NUMBERS[k, 2], NUMBERS[k, 3])
    if slot.held >= 0:
        _stamp(canvas, KEY_PIXELS)
        for row in range(KEY_FIRST, KEY_FIRST + KEY_SIZE):
            for column in range(KEY_FIRST, KEY_FIRST + KEY_SIZE):
                canvas[row, column] = scene.colours[FIRST_DOOR_COLOUR + slot.held]


@compiled
def _stamp(canvas, pixels):
    for k in range(len(pixels)):
        canvas[pixels[k, 0], pixels[k, 1]] = pixels[k, 2]


@compiled
def _number(canvas, row, end, value, ink, small):
    """A whole number that ends before column `end`; `small`: of each digit the sides of its three middle rows."""
    left, sign = abs(value), value < 0
    top, rows, each, width = (1, 3, 2, 2) if small else (0, DIGIT_HEIGHT, 1, DIGIT_WIDTH + 1)
    while True:
        bits = DIGITS[left % 10]
        for i in range(rows):
            for j in range(0, DIGIT_WIDTH, each):
                if bits >> (DIGIT_WIDTH * (DIGIT_HEIGHT - top - i) - 1 - j) & 1:
                    canvas[row + i, end - width + j // each] = ink
        left //= 10
        end -= width
        if left == 0:
            break
    if sign:
        canvas[row + rows // 2, end - 1] = ink
