"""rooms_watermaze: find the platform under water, again and again.

The platform is a machine of the engine's standard parts, touched by the player's box: a button that lifts the platform
and holds the player, and a second one that goes up and down by itself as long as the player stays, and at every upper
turn switches a timer on or off. Switching it on gives a reward. The timer then fires again by itself at a time that the
engine draws between 100 s ago and 100 s ahead. A time that has come already counts only where it lies after the map's
load, so that an extra reward follows at once with a probability that grows with the length of the search.
Source: DeepMind Lab at commit b1db91a, assets/maps/src/em_watermaze.map, engine/code/game/g_mover.c (buttons,
platform), g_trigger.c (func_timer), game_scripts/factories/rooms/navigate_watermaze_factory.lua.
"""

from __future__ import annotations

import math

from rtrl_bench.rooms import clock, maps, physics
from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.state import uniform

PLATFORM_RADIUS = 580.0
VISIT_REWARDS = 5  # one trigger more begins the next trial
HOLD_MS = 100  # after the touch, and again every so often: back to the platform's centre, at rest
SWITCH_MS, SWITCH_PERIOD_MS = 250, 500  # after the touch the timer is switched, and again every so often
TIMER_RANGE_MS = 100_000
LIFT_MS, LIFT_SPEED = 150, 0.7  # after the touch; units per ms
LOW, HIGH = -2.0, 94.0  # z of the platform's top


@compiled
def begin(slot):
    radius = PLATFORM_RADIUS * math.sqrt(uniform(slot))
    angle = 2.0 * math.pi * uniform(slot)
    slot.platform_x, slot.platform_y = radius * math.cos(angle), radius * math.sin(angle)
    _new_trial(slot)


@compiled
def _new_trial(slot):
    slot.found_ms, slot.timer_ms, slot.given = -1, 0, 0
    place = maps.WATER_SPAWNS[int(uniform(slot) * len(maps.WATER_SPAWNS))]
    yaw = 360.0 * uniform(slot) - 180.0
    physics.place(slot, place[0], place[1], maps.WATER_Z + physics.GROUND_Z, yaw)
    clock.start(slot, clock.RESIDUAL_MS)


@compiled
def before_move(slot):
    """Move the machine on, where the last frame was one of the server's; False if the frame is lost to a new trial."""
    if slot.given > VISIT_REWARDS:
        _new_trial(slot)
        return False
    if slot.found_ms >= 0 and clock.server_moved(slot):
        _machine(slot)
    return True


@compiled
def _machine(slot):
    since, given = slot.server_ms - slot.found_ms, slot.given
    if since > 0 and since % HOLD_MS == 0:
        slot.x, slot.y, slot.vx, slot.vy = slot.platform_x, slot.platform_y, 0.0, 0.0
    slot.z += _top(since) - _top(since - clock.SERVER_FRAME_MS)
    if 0 < slot.timer_ms <= slot.server_ms:
        _trigger(slot)
    if since % SWITCH_PERIOD_MS == SWITCH_MS:
        if slot.timer_ms == 0:
            _trigger(slot)
        else:
            slot.timer_ms = 0
    slot.pending = float(min(slot.given, VISIT_REWARDS) - given)


@compiled
def _trigger(slot):
    """Count a trigger, and draw when the timer fires again by itself."""
    slot.given += 1
    slot.timer_ms = slot.server_ms + int((2.0 * uniform(slot) - 1.0) * TIMER_RANGE_MS)


@compiled
def _top(since):
    """z of the platform's upper face, so many ms after the touch."""
    return min(HIGH, LOW + LIFT_SPEED * max(0, since - LIFT_MS))


@compiled
def ground_z(slot):
    """Height of what the player stands on."""
    return maps.WATER_Z if slot.found_ms < 0 else max(maps.WATER_Z, _top(slot.server_ms - slot.found_ms))


@compiled
def after_move(slot):
    """The frame's reward."""
    if slot.found_ms < 0:
        dx, dy = abs(slot.x - slot.platform_x), abs(slot.y - slot.platform_y)
        if dx < 79.0 and dy < 79.0 and dx + dy < 120.0:  # the player's box and an octagon of 64
            slot.found_ms = slot.server_ms
    reward = slot.pending
    slot.pending = 0.0
    return reward
