"""How the player moves: Quake III's player movement on flat ground between upright walls, as DeepMind Lab runs it.

Source of rules and constants: DeepMind Lab at commit b1db91a, engine/code/game/bg_pmove.c (friction, acceleration),
bg_slidemove.c (sliding along walls), qcommon/cm_trace.c (stopping before them), deepmind/dmlab_connect.c (look, frame).
Walls are higher than anybody steps, so the horizontal and the vertical motion are taken apart.
"""

from __future__ import annotations

import math

import numpy as np

from rtrl_bench.rooms import dmlab_levels
from rtrl_bench.rooms.compiled import compiled

HALF_WIDTH = 15.0  # of the player's box
GROUND_Z = 24.125  # of the player's origin above the floor: its feet are 24 below it, an eighth above the floor
EYE_Z = 26.0  # of the eye above the origin
SPEED = 320.0  # units per engine second
ACCELERATION, AIR_ACCELERATION = 10.0, 1.0
FRICTION, STOP_SPEED = 6.0, 100.0
GRAVITY = 800.0
OVERCLIP = 1.001
CLIP_EPSILON = 0.125  # a trace ends an eighth before what it hits
DEGREES_PER_LOOK = 0.1056  # per frame and unit of look
DIRECTIONS = 65536.0  # an angle has 16 bits
TELEPORT_SPEED, TELEPORT_MS = 400.0, 160

# Of each action: turn (units of look, + right), strafe (+ right), forward.
ACTIONS = np.array([(look, strafe, forward) for look, _, strafe, forward, *_ in dmlab_levels.ACTIONS.values()], float)


@compiled
def move(slot, milliseconds, turn, strafe, forward, floor_z, boxes, box_count, planes):
    """A frame of so many ms over a floor at height `floor_z`.

    boxes (n, 4): x0, y0, x1, y1 of what is solid; planes (m, 3): n_x, n_y, d, the player stays n.p <= d.
    """
    seconds = milliseconds * 1e-3
    _turn(slot, turn)
    grounded = slot.z <= floor_z + GROUND_Z + 0.25 and slot.vz <= 0.0
    pushed = slot.pushed_ms > 0
    slot.pushed_ms = max(0, slot.pushed_ms - milliseconds)
    _friction(slot, grounded and not pushed, seconds)
    if strafe != 0.0 or forward != 0.0:
        angle = math.radians(slot.yaw)
        x = forward * math.cos(angle) + strafe * math.sin(angle)
        y = forward * math.sin(angle) - strafe * math.cos(angle)
        length = math.hypot(x, y)
        rate = ACCELERATION if grounded and not pushed else AIR_ACCELERATION
        _accelerate(slot, x / length, y / length, rate * seconds * SPEED)
    _fall(slot, grounded, floor_z, seconds)
    _slide(slot, seconds, boxes, box_count, planes)
    slot.vx, slot.vy = np.rint(slot.vx), np.rint(slot.vy)  # the engine sends velocities as whole numbers


@compiled
def touches_item(slot, x, y):
    """Whether the player is within reach of an item on its floor at (x, y): BG_PlayerTouchesItem (bg_misc.c)."""
    return -50.0 <= slot.x - x <= 44.0 and abs(slot.y - y) <= 36.0


@compiled
def place(slot, x, y, z, yaw):
    """Stand still at (x, y, z) and look in direction `yaw`; turns are counted anew."""
    slot.x, slot.y, slot.z = x, y, z
    slot.vx, slot.vy, slot.vz = 0.0, 0.0, 0.0
    slot.pushed_ms = 0
    slot.look = np.float32(0.0)
    slot.heading = math.floor(yaw * DIRECTIONS / 360.0 + 0.5) * 360.0 / DIRECTIONS
    _face(slot)


@compiled
def teleport(slot, x, y, z):
    """As TeleportPlayer (g_misc.c), to a place that looks along +x: thrown forward, without a grip on the ground."""
    slot.x, slot.y, slot.z = x, y, z
    slot.vx, slot.vy, slot.vz = TELEPORT_SPEED, 0.0, 0.0
    slot.pushed_ms = TELEPORT_MS
    slot.heading = -_turned(slot)
    _face(slot)


@compiled
def _turned(slot):
    """Degrees turned since the heading was set, rounded as the engine does."""
    return math.floor(np.float32(np.float32(slot.look * np.float32(DIRECTIONS)) / np.float32(360.0)) + 0.5) * (
        360.0 / DIRECTIONS
    )


@compiled
def _face(slot):
    yaw = slot.heading + _turned(slot)
    slot.yaw = yaw - 360.0 * math.floor((yaw + 180.0) / 360.0)


@compiled
def _turn(slot, look):
    """In single precision as the engine does, which makes directions equal to the recorded ones to the last digit."""
    slot.look = np.float32(slot.look - np.float32(look * DEGREES_PER_LOOK))
    if slot.look >= 360.0:
        slot.look = np.float32(slot.look - np.float32(360.0))
    if slot.look < 0.0:
        slot.look = np.float32(slot.look + np.float32(360.0))
    _face(slot)


@compiled
def _friction(slot, gripping, seconds):
    speed = math.hypot(slot.vx, slot.vy)
    if speed < 1.0:
        slot.vx, slot.vy = 0.0, 0.0
    elif gripping:
        kept = max(0.0, speed - max(speed, STOP_SPEED) * FRICTION * seconds) / speed
        slot.vx *= kept
        slot.vy *= kept


@compiled
def _accelerate(slot, x, y, most):
    """Towards the unit vector (x, y), by at most `most`: the speed that counts is that along the wish."""
    missing = SPEED - (slot.vx * x + slot.vy * y)
    if missing > 0.0:
        gain = min(most, missing)
        slot.vx += gain * x
        slot.vy += gain * y


@compiled
def _fall(slot, grounded, floor_z, seconds):
    if grounded:
        slot.vz = 0.0
        return
    before = slot.vz
    slot.vz -= GRAVITY * seconds
    slot.z += 0.5 * (before + slot.vz) * seconds
    if slot.z <= floor_z + GROUND_Z:
        slot.z, slot.vz = floor_z + GROUND_Z, 0.0
    slot.vz = np.rint(slot.vz)


@compiled
def _slide(slot, seconds, boxes, box_count, planes):
    """Along what is hit, at most four times, as PM_SlideMove; a push keeps its velocity through a hit."""
    start_vx, start_vy = slot.vx, slot.vy
    speed = math.hypot(start_vx, start_vy)
    if speed == 0.0:
        return
    normals = np.empty((6, 2))
    normals[0, 0], normals[0, 1] = start_vx / speed, start_vy / speed  # never turned back by a wall
    count = 1
    left = seconds
    for _ in range(4):
        dx, dy = slot.vx * left, slot.vy * left
        fraction, nx, ny = _trace(slot.x, slot.y, dx, dy, boxes, box_count, planes)
        slot.x += fraction * dx
        slot.y += fraction * dy
        if fraction == 1.0:
            break
        left -= left * fraction
        known = False
        for k in range(count):
            known = known or normals[k, 0] * nx + normals[k, 1] * ny > 0.99
        if known:  # the same wall again: away from it by a little
            slot.vx += nx
            slot.vy += ny
            continue
        normals[count, 0], normals[count, 1] = nx, ny
        count += 1
        for k in range(count):
            _clip(slot, normals[k, 0], normals[k, 1])
    if slot.pushed_ms > 0:
        slot.vx, slot.vy = start_vx, start_vy


@compiled
def _clip(slot, nx, ny):
    """Take away the velocity into a wall, and a little more."""
    into = slot.vx * nx + slot.vy * ny
    if into >= 0.1:
        return
    back = into * OVERCLIP if into < 0.0 else into / OVERCLIP
    slot.vx -= nx * back
    slot.vy -= ny * back


@compiled
def _trace(x, y, dx, dy, boxes, box_count, planes):
    """Fraction of (dx, dy) that is free and the normal of what ends it."""
    free, hit_x, hit_y = 1.0, 0.0, 0.0
    for k in range(len(planes)):
        nx, ny = -planes[k, 0], -planes[k, 1]  # out of the wall
        near = -planes[k, 2] + HALF_WIDTH * (abs(nx) + abs(ny))
        before = nx * x + ny * y - near
        after = before + nx * dx + ny * dy
        if after < before and after < CLIP_EPSILON:
            fraction = max(0.0, (before - CLIP_EPSILON) / (before - after))
            if fraction < free:
                free, hit_x, hit_y = fraction, nx, ny
    for k in range(box_count):
        fraction, nx, ny = _trace_box(x, y, dx, dy, boxes[k])
        if fraction < free:
            free, hit_x, hit_y = fraction, nx, ny
    return free, hit_x, hit_y


@compiled
def _trace_box(x, y, dx, dy, box):
    """As `_trace`, for one box: CM_TraceThroughBrush with its four planes."""
    enter, leave, hit_x, hit_y = -1.0, 1.0, 0.0, 0.0
    for side in range(4):
        sign = -1.0 if side < 2 else 1.0
        along_x = side % 2 == 0
        nx, ny = (sign, 0.0) if along_x else (0.0, sign)
        before = sign * ((x if along_x else y) - box[side]) - HALF_WIDTH
        after = before + sign * (dx if along_x else dy)
        if before > 0.0 and (after >= CLIP_EPSILON or after >= before):
            return 1.0, 0.0, 0.0
        if before <= 0.0 and after <= 0.0:
            continue
        if before > after:
            fraction = max(0.0, (before - CLIP_EPSILON) / (before - after))
            if fraction > enter:
                enter, hit_x, hit_y = fraction, nx, ny
        else:
            leave = min(leave, min(1.0, (before + CLIP_EPSILON) / (before - after)))
    if enter > -1.0 and enter < leave:
        return enter, hit_x, hit_y
    return 1.0, 0.0, 0.0
