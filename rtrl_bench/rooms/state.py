"""What one slot carries from frame to frame: a record of a NumPy structured array, so that saving it is copying it.

Units: lengths in world units, angles in degrees (0 = +x, counter-clockwise), time in frames of 60 per second.
"""

from __future__ import annotations

import numpy as np

from rtrl_bench.rooms.compiled import compiled

MAX_SPRITES, MAX_FENCES = 24, 24
GRID = (12, 15)  # cells of the largest keys-doors map: (3 R + 3) x (4 C + 3) with R = C = 3
CELL = 100.0

# Columns of `sprites`: upright pictures that always face the viewer
SPRITE_X, SPRITE_Y, SPRITE_Z, SPRITE_SIZE, SPRITE_PICTURE, SPRITE_COLOUR = range(6)  # z of the bottom; width = height
# Columns of `fences`: see-through doors, a segment from the floor to CELL
FENCE_X0, FENCE_Y0, FENCE_X1, FENCE_Y1, FENCE_COLOUR, FENCE_OPEN = range(6)  # open: frames since it opened, -1 closed

SLOT = np.dtype(
    [
        ("seed", "u8"),  # of the slot; an episode's draws follow from it and the episode's number
        ("episode", "i8"),
        ("rng", "u8"),  # state of `uniform`
        ("frame", "i8"),  # of the episode
        ("over", "u1"),  # the episode has ended
        # The engine's clocks: see clock.py
        ("server_ms", "i8"),  # time of the server's last frame since the map's load
        ("residual_ms", "i8"),  # since that frame
        ("lag_ms", "i8"),  # the player's time less that of the server
        # The player. z is that of the engine's origin, 24 above the feet; the eye is 26 above it.
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("vx", "f8"),  # units per engine second
        ("vy", "f8"),
        ("vz", "f8"),
        ("look", "f4"),  # turned since the heading was set, in [0, 360)
        ("heading", "f8"),
        ("yaw", "f8"),  # heading + look, as the engine rounds it
        ("pushed_ms", "i8"),  # engine time for which a teleporter's push takes the ground's grip away
        # What there is to see besides the map
        ("sprites", "f4", (MAX_SPRITES, 6)),
        ("sprite_count", "i8"),
        ("fences", "f4", (MAX_FENCES, 6)),
        ("fence_count", "i8"),
        ("floor", "u1", GRID),  # keys-doors: 1 where there is floor, indexed [y cell, x cell]; (0, 0) is at the origin
        ("held", "i8"),  # keys-doors: the held key, an index of keys_doors_map.COLOURS, -1 none
        # Rules
        ("match", "i8"),  # nonmatching: the object of the episode
        ("choice", "i8"),  # nonmatching: 1 if the non-matching object stands at the first of the two places
        ("platform_x", "f8"),  # watermaze
        ("platform_y", "f8"),
        ("found_ms", "i8"),  # watermaze: the server's time when the platform was touched, -1 not yet in this trial
        ("timer_ms", "i8"),  # watermaze: when the platform's timer fires next, 0 off
        ("given", "i8"),  # watermaze: triggers of the timer in this trial
        ("event", "i8"),  # frame at which something started (a choice made, the goal reached), -1 none
        ("pending", "f8"),  # reward that the next frame brings
        ("score", "f8"),  # of the episode so far
    ]
)


@compiled
def uniform(slot):
    """The slot's next number in [0, 1): SplitMix64 (Steele, Lea, Flood 2014)."""
    slot.rng += np.uint64(0x9E3779B97F4A7C15)
    mixed = slot.rng
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)) * (1.0 / 9007199254740992.0)
