"""The renderer against a slow ray caster."""

from __future__ import annotations

import numpy as np
import pytest
from ray_caster import POSES, cast
from views import (
    COLUMNS,
    EYE,
    KEYS,
    NONMATCHING,
    ROWS,
    WATERMAZE,
    bare,
    frame_of,
    frames_of,
    slot_at,
    slots_at,
)

from rtrl_bench.rooms import pictures, render, scenes


def coded(scene, colour_of):
    """The scene with its textures replaced by colour_of(texture's number, column, row); its sky is black."""
    column, row = (np.arange(64) + 0.5)[None, :] / 64, (np.arange(64) + 0.5)[:, None] / 64
    codes = [
        np.stack([np.broadcast_to(c, (64, 64)) for c in colour_of(k, column, row)], -1)
        for k in range(len(scene.textures))
    ]
    return scene._replace(textures=pictures.mipmap(255 * np.array(codes)), sky=np.zeros_like(scene.sky))


CASES = [(level, pose) for level, poses in POSES.items() for pose in poses]


@pytest.mark.parametrize(("level", "pose"), CASES)
def test_each_pixel_shows_the_surface_that_its_ray_meets_first(level, pose):
    seen = frame_of(level, pose, scene=coded(bare(level), lambda k, column, row: (k / 20, 0, 1)))
    expected = cast(level, slot_at(level, pose)[0])[0]
    found = np.where(seen[..., 2] > 0, np.rint(20 * seen[..., 0] / np.maximum(seen[..., 2], 1)), -1)
    assert (found == expected).mean() > 0.985
    assert (found == expected)[_away_from_edges(expected)].mean() > 0.9999


def _away_from_edges(kind):
    """Pixels whose eight neighbours are of their kind."""
    padded = np.pad(kind, 1, mode="edge")
    shifted = [padded[i : i + 72, j : j + 96] for i in range(3) for j in range(3)]
    return np.all([other == kind for other in shifted], axis=0)


@pytest.mark.parametrize(("level", "pose"), CASES)
def test_each_pixel_shows_the_point_of_the_texture_that_its_ray_meets(level, pose):
    seen = frame_of(level, pose, scene=coded(bare(level), lambda k, column, row: (column, row, 1)))
    kind, u, v, depth = cast(level, slot_at(level, pose)[0])
    compared = _away_from_edges(kind) & (kind >= 0) & (depth < 600) & (seen[..., 2] > 0)
    assert compared.sum() > 500
    # Texels grow with the distance, to 1/4 of the texture at most: half of that, and the rounding of the codes
    for coordinate, channel in ((u, 0), (v, 1)):
        error = np.abs(seen[..., channel] / np.maximum(seen[..., 2], 1) - coordinate)[compared]
        error = np.minimum(error, 1 - error)
        assert (error < 0.13).mean() > 0.999
        assert (error < 0.065).mean() > 0.85
        assert np.median(error) < 0.03


@pytest.mark.parametrize("yaw", [0, 33, -120])
def test_the_sky_turns_with_the_view_and_stays_at_infinity(yaw):
    scene = bare(KEYS)
    sky = np.zeros_like(scene.sky)
    sky[0, :, :, 0], sky[0, :, :, 1] = np.arange(256)[:, None], 4 * np.arange(64)[None, :]
    slots = slots_at(KEYS, [(150, 150, yaw), (650, 350, yaw)])
    slots["floor"] = 0
    seen = frames_of(KEYS, slots, scene._replace(sky=sky))
    bearing = yaw - np.degrees(np.arctan(COLUMNS))
    height = (ROWS / np.hypot(1, COLUMNS)) / 0.75
    around = (seen[0, ..., 0] - bearing / 360 * 256 + 128) % 256 - 128
    assert np.abs(around + 0.5).max() < 0.6
    assert np.abs(seen[0, ..., 1] / 4 + 0.5 - 32 * (1 - height)).max() < 0.6
    assert np.array_equal(seen[0], seen[1])


def test_walls_have_no_cracks():
    random = np.random.default_rng(0)
    outdoors = {
        NONMATCHING: random.uniform((-240, -240, -180), (112, 112, 180), (300, 3)),
        WATERMAZE: random.uniform((-500, -500, -180), (500, 500, 180), (300, 3)),
    }
    for level, poses in outdoors.items():
        seen = frames_of(level, slots_at(level, poses), coded(bare(level), lambda k, column, row: (1, 1, 1)))
        assert seen[:, 35:].min() > 0


def test_all_levels_share_one_compilation():
    for level, poses in POSES.items():
        frames_of(level, slots_at(level, poses))
    assert len(render.draw.signatures) == 1


def test_frames_depend_neither_on_the_order_of_slots_nor_on_how_they_are_shared_out():
    slots = np.concatenate([_furnished(frame) for frame in range(0, 120, 20)])
    together, order = frames_of(KEYS, slots), np.random.default_rng(1).permutation(len(slots))
    assert np.array_equal(frames_of(KEYS, slots[order]), together[order])
    shared = np.full((len(slots), 72, 96, 3), 5, np.uint8)
    for low, high in ((2, len(slots)), (0, 2)):
        render.draw(slots, low, high, shared, False, bare(KEYS))
    assert np.array_equal(shared, together)
    assert len(np.unique(together.reshape(len(slots), -1), axis=0)) == len(slots)


def _furnished(frame):
    sprites = [(150, 250, 1, 83, pictures.KEY, 3), (350, 250, 1, 83, pictures.GOAL, 0), (250, 450, 1, 83, 12, 6)]
    fences = [(450, 200, 450, 300, 4, -1), (200, 350, 300, 350, 5, 4)]
    return slot_at(KEYS, (150 + frame, 150, 30), sprites, fences, frame)


def test_drawing_changes_no_slot():
    slots = _furnished(20)
    before = slots.copy()
    frames_of(KEYS, slots)
    assert slots.tobytes() == before.tobytes()


# --- sprites ---


def _drawn_over(level, slots):
    """The frames, drawn over two different backgrounds."""
    frames = [np.full((len(slots), 72, 96, 3), before, np.uint8) for before in (77, 200)]
    for frame in frames:
        render.draw(slots, 0, len(slots), frame, False, scenes.scene(level))
    return frames


@pytest.mark.parametrize("level", [NONMATCHING, WATERMAZE, KEYS])
def test_every_pixel_is_painted(level):
    random = np.random.default_rng(0)
    corners = {NONMATCHING: (-240, -240, 112, 112), WATERMAZE: (-500, -500, 500, 500)}.get(level, (0, 0, 900, 900))
    slots = slots_at(level, random.uniform((*corners[:2], -180), (*corners[2:], 180), (1000, 3)))
    assert np.array_equal(*_drawn_over(level, slots))


def test_every_pixel_is_painted_where_floor_and_wall_meet_at_the_edge_of_the_map():
    """Eye to wall is as far as a row of pixels sees along the floor: roundings could leave them to neither."""
    depths = EYE * 48 / (np.arange(40, 72) - 35.5)
    depths = (depths[:, None] + np.linspace(-2e-3, 2e-3, 21)).ravel()
    poses = [(-256 + d, 0, 180) for d in depths] + [(0, 128 - d, 90) for d in depths]
    poses += [(0, -256 + d, -90) for d in depths] + [(640 - d, 0, 0) for d in depths]
    inside = [pose for pose in poses if -240 < pose[0] < 112 or 400 < pose[0] < 625]
    slots = slots_at(NONMATCHING, [pose for pose in inside if -240 < pose[1] < 112])
    assert np.array_equal(*_drawn_over(NONMATCHING, slots))
