"""What the engine writes over the picture: time left, score, ammunition, health; the held key; the start's dark ring.

Places in pixels of 72 x 96, of which the engine draws a screen of 480 x 640. Source: pictures of the engine; digits and
signs are our own.
"""

from __future__ import annotations

import math

import numpy as np

from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.dmlab_levels import FRAMES_PER_SECOND
from rtrl_bench.rooms.pictures import FIRST_DOOR_COLOUR
from rtrl_bench.rooms.raster import HEIGHT, WIDTH

# Three bits a row, five rows, the top row in the highest bits
DIGITS = np.array([0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71222, 0o75757, 0o75717, 0o00700])
MINUS = 10
DIGIT_WIDTH, DIGIT_HEIGHT = 3, 5


def _packed(red: int, green: int, blue: int) -> int:
    return red | green << 8 | blue << 16


INK, PALE, TAN = _packed(30, 34, 60), _packed(225, 230, 255), _packed(150, 120, 80)
BOX, SIGN, CROSS = _packed(52, 62, 150), _packed(190, 245, 250), _packed(230, 235, 240)
KEY_FIRST, KEY_SIZE, KEY_EDGE = 2, 7, _packed(128, 128, 128)  # 48 x 48 at (12, 12) of 640 x 480
RING_FRAMES, RING = 7, _packed(24, 24, 26)
AMMUNITION, HEALTH = 100, 100


@compiled
def paint(canvas, slot, scene):
    """All that belongs over a slot's picture; without `scene.hud` the held key alone, which the level itself shows."""
    if scene.hud:
        if slot.frame < RING_FRAMES:
            _ring(canvas)
        left = max(0, scene.last_frame - slot.frame)
        _number(canvas, 2, 94, (left + FRAMES_PER_SECOND - 1) // FRAMES_PER_SECOND, INK)
        _fill(canvas, 60, 82, 7, 13, BOX)
        _number(canvas, 61, 94, np.int64(round(slot.score)), PALE)
        _fill(canvas, 65, 2, 7, 13, TAN)
        _number(canvas, 66, 14, AMMUNITION, INK)
        _fill(canvas, 64, 17, 4, 5, SIGN)
        _fill(canvas, 65, 28, 7, 13, TAN)
        _number(canvas, 66, 40, HEALTH, INK)
        _fill(canvas, 58, 44, 4, 3, CROSS)
    if slot.held >= 0:
        size = KEY_SIZE + 2
        _fill(canvas, KEY_FIRST - 1, KEY_FIRST - 1, size, size, KEY_EDGE)
        _fill(canvas, KEY_FIRST, KEY_FIRST, KEY_SIZE, KEY_SIZE, np.int64(scene.colours[FIRST_DOOR_COLOUR + slot.held]))


@compiled
def _fill(canvas, row, column, rows, columns, colour):
    for i in range(row, row + rows):
        for j in range(column, column + columns):
            canvas[i, j] = colour


@compiled
def _number(canvas, row, end, value, colour):
    """A whole number that ends before column `end`."""
    left, digits = abs(value), 0
    while digits == 0 or left > 0:
        end = _digit(canvas, row, end, left % 10, colour)
        left //= 10
        digits += 1
    if value < 0:
        _digit(canvas, row, end, MINUS, colour)


@compiled
def _digit(canvas, row, end, which, colour):
    """One digit that ends before column `end`; returns where the one before it ends."""
    bits = DIGITS[which]
    for k in range(DIGIT_WIDTH * DIGIT_HEIGHT):
        if bits >> (DIGIT_WIDTH * DIGIT_HEIGHT - 1 - k) & 1:
            canvas[row + k // DIGIT_WIDTH, end - DIGIT_WIDTH + k % DIGIT_WIDTH] = colour
    return end - DIGIT_WIDTH - 1


@compiled
def _ring(canvas):
    """The part that is in view of a ring around the player."""
    for row in range(HEIGHT - 14, HEIGHT):
        for column in range(WIDTH):
            x, y = (column - 47.5) / 54.0, (row - 92.0) / 31.0
            if abs(math.sqrt(x * x + y * y) - 1.0) < 0.05:
                canvas[row, column] = RING
