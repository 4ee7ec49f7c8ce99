"""rooms_select_nonmatching_object: walk onto the pad, then to the object that the first room did not show.

Source: DeepMind Lab at commit b1db91a, game_scripts/factories/rooms/select_nonmatching_object_factory.lua. Delays
between a touch and what follows are those of recordings of the engine.
"""

from __future__ import annotations

from rtrl_bench.rooms import clock, maps, physics, state
from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.pictures import SIZES

OBJECTS, VARIANTS = 36, 3  # 12 shapes in 3 colours
OBJECT_Z = 13.0
RIGHT, WRONG, PAD = 10.0, -10.0, 1.0
RELOAD_FRAMES = 2  # after the touch of a choice


@compiled
def begin(slot):
    slot.match = int(state.uniform(slot) * OBJECTS)
    slot.pending = 0.0
    _new_trial(slot)


@compiled
def _new_trial(slot):
    """The match stays for the episode; the other object and all places are drawn again."""
    slot.event = -1
    other = (slot.match + 1 + int(state.uniform(slot) * (OBJECTS - 1))) % OBJECTS
    example = int(state.uniform(slot) * 2)
    slot.choice = int(state.uniform(slot) * 2)
    slot.sprite_count = 3
    places = (maps.EXAMPLES[example], maps.CHOICES[slot.choice], maps.CHOICES[1 - slot.choice])
    for index in range(3):
        _put(slot, index, places[index], other if index == 1 else slot.match)
    physics.place(slot, maps.SPAWN[0], maps.SPAWN[1], physics.GROUND_Z, 0.0)
    clock.start(slot, clock.RESIDUAL_MS)


@compiled
def _put(slot, index, place, which):
    sprite = slot.sprites[index]
    sprite[state.SPRITE_X], sprite[state.SPRITE_Y] = place[0], place[1]
    sprite[state.SPRITE_Z], sprite[state.SPRITE_SIZE] = OBJECT_Z, SIZES[which // VARIANTS]
    sprite[state.SPRITE_PICTURE], sprite[state.SPRITE_COLOUR] = which // VARIANTS, which % VARIANTS


@compiled
def before_move(slot):
    """What the last frames' touches bring at a frame's start; False where the player loses the frame to a new trial."""
    if slot.event >= 0 and slot.frame - slot.event == RELOAD_FRAMES:
        _new_trial(slot)
        return False
    if slot.pending == PAD:
        physics.teleport(slot, maps.ARRIVAL[0], maps.ARRIVAL[1], maps.ARRIVAL[2])
    return True


@compiled
def after_move(slot):
    """The frame's reward, which comes a frame after the touch."""
    reward = slot.pending
    slot.pending = 0.0
    if slot.event >= 0:
        return reward
    x0, y0, x1, y1 = maps.PAD
    reach = physics.HALF_WIDTH
    if x0 <= slot.x + reach and slot.x - reach <= x1 and y0 <= slot.y + reach and slot.y - reach <= y1:
        slot.pending = PAD
    for index in range(1, 3):
        if physics.touches_item(slot, slot.sprites[index, state.SPRITE_X], slot.sprites[index, state.SPRITE_Y]):
            slot.event = slot.frame
            slot.pending = RIGHT if index == 1 else WRONG
    return reward
