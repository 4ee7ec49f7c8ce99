"""Slow, independent geometry of what stands in each direction: things as rows of points, angle by angle."""

from __future__ import annotations

import itertools
import math

DIRECTIONS, FIELD_DEGREES, PIXELS = 8, 90.0, 96
POINTS = 201  # along a thing
MARGIN_DEGREES, MARGIN_UNITS = 0.1, 1.0  # within which the two geometries may differ


def degrees_left(player, x, y):
    """From the way the player (x, y, yaw) looks to a point, in [-180, 180)."""
    return (math.degrees(math.atan2(y - player[1], x - player[0])) - player[2] + 180) % 360 - 180


def middle_of_direction(number):
    return FIELD_DEGREES / 2 - FIELD_DEGREES / DIRECTIONS * (number + 0.5)


def stands_in(player, ends, number):
    """Whether the thing between `ends` (x0, y0, x1, y1) stands in a direction; None where that is too close to call."""
    x0, y0, x1, y1 = ends
    points = [(x0 + (x1 - x0) * k / (POINTS - 1), y0 + (y1 - y0) * k / (POINTS - 1)) for k in range(POINTS)]
    aside = [(degrees_left(player, *p) - middle_of_direction(number) + 180) % 360 - 180 for p in points]
    wide = abs((aside[-1] - aside[0] + 180) % 360 - 180)
    half = FIELD_DEGREES / DIRECTIONS / 2
    near = [
        abs(wide - FIELD_DEGREES / PIXELS),
        abs(abs(aside[POINTS // 2]) - half),
        *(min(abs(a), abs(abs(a) - 180)) for a in (aside[0], aside[-1])),
    ]
    if min(near) < MARGIN_DEGREES or min(math.dist(player[:2], p) for p in points) < MARGIN_UNITS:
        return None
    if wide < FIELD_DEGREES / PIXELS:
        return False
    meets = any(a * b <= 0 and abs(a) < 90 and abs(b) < 90 for a, b in itertools.pairwise(aside))
    return meets or abs(aside[POINTS // 2]) < half


def nearest(player, things, number):
    """Number and distance of the nearest thing in a direction; (-1, nan): none; None: too close to call."""
    found = (-1, math.nan)
    for k, ends in enumerate(things):
        there = stands_in(player, ends, number)
        if there is None:
            return None
        far = math.dist(player[:2], ((ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2))
        if there and not far >= found[1]:
            found = (k, far)
    return found
