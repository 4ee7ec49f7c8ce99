"""Draws what the player sees: 72 x 96 pixels, 90 degrees wide. What levels look like is data, a scenes.Scene each.

Walls come first, from the nearest on, then sky and floor where no wall is, then sprites and fences from the farthest
on. Every wall reaches from below the eye to above it, so what walls fill of a column is one span around the horizon.
"""

from __future__ import annotations

import math

import numpy as np

from rtrl_bench.rooms import hud as overlay
from rtrl_bench.rooms import keys_doors, raster, state
from rtrl_bench.rooms.clock import FRAME_MS
from rtrl_bench.rooms.compiled import compiled
from rtrl_bench.rooms.physics import EYE_Z
from rtrl_bench.rooms.pictures import FENCE, VIEWS
from rtrl_bench.rooms.raster import HEIGHT, HORIZON, SLOPES, WIDTH
from rtrl_bench.rooms.scenes import DRUMS

F32 = np.float32
TURN_MS, BOB, BOB_RATE = 2048, 4.0, 0.005  # of items. Source: Quake III, cgame/cg_view.c and cg_ents.c
GROWING_MS = 1000  # after a map's load items reach their size. Source: Quake III, cgame/cg_ents.c (CG_Item)
PICTURE_ITEM, FENCE_ITEM, DRUM_ITEM = range(3)
ITEM_Z0, ITEM_Z1, ITEM_VIEW, ITEM_LEFT, ITEM_RIGHT, ITEM_COLOUR, ITEM_KIND = range(7)
ITEM_RADIUS, ITEM_SIDE, ITEM_DEPTH = ITEM_VIEW, ITEM_LEFT, ITEM_RIGHT  # of a drum
ITEM_COLUMNS = 7
DRUM_MARGIN = F32(1.3)
BEHIND = F32(0.5)  # units by which a drum lies behind the object on it, whatever depths round to
PHASE_FRAMES = 8  # for which a texture of an animated floor stays


@compiled
def draw(slots, low, high, frames, over, scene):
    """Draw slots low..high-1 into their frames, uint8 (slot, HEIGHT, WIDTH, 3), row 0 at the top.

    `over`: only where the picture is brighter than what is there.
    """
    most = max(len(scene.walls), state.MAX_FENCES + state.MAX_SPRITES) + 1
    camera, flats, hits = np.empty(5, np.float32), np.empty((most, 5), np.float32), np.empty((most, 3), np.float32)
    sources, items = np.empty(most, np.int64), np.empty((most, ITEM_COLUMNS), np.float32)
    spans, nearest = np.empty((WIDTH, 2), np.int64), np.empty(WIDTH, np.float32)
    canvas, cells = np.empty((HEIGHT, WIDTH), np.uint32), np.empty(state.GRID, np.uint8)
    textures, sky, views = scene.textures.view(np.uint32), scene.sky.view(np.uint32), scene.pictures.view(np.uint32)
    for i in range(low, high):
        slot = slots[i]
        angle = math.radians(slot.yaw)
        camera[0], camera[1], camera[2] = slot.x, slot.y, slot.z + EYE_Z
        camera[3], camera[4] = math.cos(angle), math.sin(angle)
        _walls(canvas, flats, sources, hits, spans, nearest, camera, textures, scene)
        for column in range(WIDTH):
            end = HEIGHT if scene.ground_in_slot else spans[column, 0]
            raster.paint_sky(canvas, column, end, slot.yaw, sky, scene.bearings)
        # One by one: an assignment of slices costs numba four seconds of compiling
        for k in range(state.GRID[0] * state.GRID[1] if scene.ground_in_slot else 0):
            cells[k // state.GRID[1], k % state.GRID[1]] = slot.floor[k // state.GRID[1], k % state.GRID[1]]
        ground = cells if scene.ground_in_slot else scene.ground
        texture = scene.ground_texture + slot.frame // PHASE_FRAMES % scene.ground_phases
        raster.paint_floor(canvas, spans, ground, camera, camera[2] - F32(scene.ground_z), texture, textures, scene)
        count = _items(slot, camera, flats, items, scene)
        for column in range(WIDTH if count > 0 else 0):
            for k in range(raster.crossings(flats[:count], SLOPES[column], hits) - 1, -1, -1):
                if hits[k, 0] < nearest[column]:
                    n = np.int64(hits[k, 2])
                    _paint_item(canvas, column, items[n], camera[2], hits[k], flats[n, 4], views, scene)
        overlay.paint(canvas, slot, scene)
        raster.develop(canvas, frames[i], over)


@compiled
def _paint_item(canvas, column, item, eye, hit, across, views, scene):
    if item[ITEM_KIND] == DRUM_ITEM:
        edge, rim, top = DRUMS[np.int64(item[ITEM_COLOUR])]
        raster.paint_drum(canvas, column, item, eye, item[ITEM_SIDE], item[ITEM_DEPTH], edge, rim, top)
    else:
        tint, crisp = scene.colours[np.int64(item[ITEM_COLOUR])], item[ITEM_KIND] == FENCE_ITEM
        raster.blend_picture(canvas, column, item, eye, hit, across, views, tint, crisp)


@compiled
def _walls(canvas, flats, sources, hits, spans, nearest, camera, textures, scene):
    """Paint the walls; note what they fill (spans) and how near they are (nearest)."""
    count = 0
    for k in range(len(scene.walls)):
        wall = scene.walls[k]
        if raster.stand_between(flats[count], camera, wall[0], wall[1], wall[2], wall[3]):
            sources[count] = k
            count += 1
    for column in range(WIDTH):
        span = spans[column]
        span[0], span[1], nearest[column] = HORIZON, HORIZON, np.inf
        for k in range(raster.crossings(flats[:count], SLOPES[column], hits)):
            nearest[column] = min(nearest[column], hits[k, 0])
            if span[0] > 0 or span[1] < HEIGHT:
                n = np.int64(hits[k, 2])
                wall = scene.walls[sources[n]]
                raster.paint_wall(canvas, column, span, wall, camera[2], hits[k], flats[n, 4], textures)


@compiled
def _items(slot, camera, flats, items, scene):
    """Stand up what may be in view of the slot's fences, sprites and drums: rows of `items`; how many there are.

    An object is drawn over the drum that it stands on.
    """
    count = 0
    for k in range(slot.fence_count):
        fence, item = slot.fences[k], items[count]
        x0, y0 = keys_doors.door_start(slot.fences, k)
        x1, y1 = fence[state.FENCE_X1], fence[state.FENCE_Y1]
        item[ITEM_Z0], item[ITEM_Z1] = scene.ground_z, scene.ground_z + state.CELL
        item[ITEM_VIEW], item[ITEM_KIND] = scene.first_view[FENCE], FENCE_ITEM
        item[ITEM_COLOUR] = fence[state.FENCE_COLOUR]
        item[ITEM_LEFT], item[ITEM_RIGHT] = F32(0.0), F32((x1 - x0 + y1 - y0) / state.CELL)  # the rest is out of sight
        closing = fence[state.FENCE_OPEN] < keys_doors.SLIDE_FRAMES  # what remains of an open door is not seen
        if closing and raster.stand_between(flats[count], camera, F32(x0), F32(y0), x1, y1):
            count += 1
    milliseconds = FRAME_MS * slot.frame
    turned = milliseconds % TURN_MS * VIEWS // TURN_MS
    lift = F32(BOB + BOB * math.cos(BOB_RATE * milliseconds))
    grown = min(F32(1.0), F32(slot.server_ms + slot.residual_ms) / F32(GROWING_MS))
    for k in range(slot.sprite_count):
        sprite, item = slot.sprites[k], items[count]
        side, depth = raster.seen_from(camera, sprite[state.SPRITE_X], sprite[state.SPRITE_Y])
        half = F32(0.5) * sprite[state.SPRITE_SIZE]
        middle = sprite[state.SPRITE_Z] + lift + half
        half *= grown
        item[ITEM_Z0], item[ITEM_Z1] = middle - half, middle + half
        item[ITEM_VIEW] = scene.first_view[np.int64(sprite[state.SPRITE_PICTURE])] + turned
        item[ITEM_COLOUR], item[ITEM_KIND] = sprite[state.SPRITE_COLOUR], PICTURE_ITEM
        item[ITEM_LEFT], item[ITEM_RIGHT] = F32(0.0), F32(1.0)
        if raster.stand(flats[count], side - half, depth, side + half, depth):
            count += 1
    for k in range(len(scene.drums)):
        drum, item = scene.drums[k], items[count]
        side, depth = raster.seen_from(camera, drum[0], drum[1])
        item[ITEM_Z0], item[ITEM_Z1], item[ITEM_RADIUS] = drum[2], drum[3], drum[4]
        item[ITEM_SIDE], item[ITEM_DEPTH], item[ITEM_COLOUR], item[ITEM_KIND] = side, depth, drum[5], DRUM_ITEM
        half = DRUM_MARGIN * drum[4]  # what is nearer than its centre looks wider
        if raster.stand(flats[count], side - half, depth + BEHIND, side + half, depth + BEHIND):
            count += 1
    return count
