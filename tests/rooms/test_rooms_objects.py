"""What sprites, doors and maps must show for the levels to make sense."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ray_caster import POSES, cast, cast_drum
from views import (
    EYE,
    KEYS,
    NONMATCHING,
    WATERMAZE,
    bare,
    frame_of,
    frames_of,
    slot_at,
    slots_at,
)

from rtrl_bench.rooms import maps, nonmatching, pictures, raster, scenes, solids
from rtrl_bench.rooms.state import MAX_SPRITES

WALL = (600, -64, 0)  # a pose at the last wall of room B
CLOSE = (490.0, 64.0, 0)  # 110 units from the first choice


def opaque(scene):
    """The scene with pictures that are wholly of the sprite's colour."""
    full = np.zeros_like(scene.pictures)
    full[..., [pictures.COVERAGE, pictures.OWN]] = 255
    return scene._replace(pictures=full)


@pytest.mark.parametrize("yaw", [-20, 0, 14])
@pytest.mark.parametrize(("distance", "size"), [(300, 32), (120, 40), (150, 20)])
def test_a_sprite_is_where_perspective_puts_it(yaw, distance, size):
    x, y = 600 - distance * np.cos(0.2), -64 - distance * np.sin(0.2)
    yaw = yaw + np.degrees(0.2)
    sprites = [(600, -64, 20, size, 0, 2)]
    without, seen = (
        frame_of(NONMATCHING, (x, y, yaw), shown, scene=opaque(bare(NONMATCHING))) for shown in ([], sprites)
    )
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    depth, side = (600 - x) * c + (-64 - y) * s, (600 - x) * s - (-64 - y) * c
    bottom = 20 + 8 - EYE  # at its highest, at frame 0
    columns = 48 + 48 * (side + np.array([-size / 2, size / 2])) / depth
    rows = 36 - 48 * np.array([bottom + size, bottom]) / depth
    column, row = np.arange(96) + 0.5, np.arange(72) + 0.5
    inside = ((row >= rows[0]) & (row < rows[1]))[:, None] & ((column >= columns[0]) & (column < columns[1]))
    assert inside.sum() >= 9
    assert (seen[inside] == pictures.COLOURS[2]).all()
    assert np.array_equal(seen[~inside], without[~inside])


def test_a_sprite_behind_a_wall_is_not_drawn():
    hidden = frame_of(NONMATCHING, (0, -60, 0), [(300, -60, 20, 32, 0, 0), (600, -64, 20, 32, 1, 1)])
    assert np.array_equal(hidden, frame_of(NONMATCHING, (0, -60, 0)))
    shown = frame_of(NONMATCHING, (0, -60, 0), [(100, -60, 20, 32, 0, 0)])
    assert not np.array_equal(shown, hidden)


def test_a_sprite_behind_the_viewer_or_at_the_viewer_is_not_drawn():
    empty = frame_of(NONMATCHING, (0, -60, 0))
    assert np.array_equal(
        empty, frame_of(NONMATCHING, (0, -60, 0), [(-100, -60, 20, 32, 0, 0), (0, -60, 20, 32, 1, 1)])
    )


def test_the_nearest_sprite_is_drawn_last_whatever_their_order():
    sprites = [(600, -64, 20, 32, 0, 0), (560, -64, 20, 32, 0, 1), (520, -64, 20, 32, 0, 2)]
    scene = opaque(bare(NONMATCHING))
    seen = [frame_of(NONMATCHING, (420, -64, 0), order, scene=scene) for order in itertools.permutations(sprites)]
    assert all(np.array_equal(other, seen[0]) for other in seen)
    assert (seen[0][40, 48] == pictures.COLOURS[2]).all()


def test_as_many_sprites_as_a_slot_holds_are_drawn():
    sprites = [(450 + 5 * k, -64, 20, 10, 0, k % 3) for k in range(MAX_SPRITES)]
    fewer = frame_of(NONMATCHING, (400, -64, 0), sprites[1:])
    assert not np.array_equal(fewer, frame_of(NONMATCHING, (400, -64, 0), sprites))


def test_items_spin_and_bob_with_the_engines_time():
    scene = bare(NONMATCHING)
    key = [(600, 64, 20, 32, pictures.SHAPES.index("doubleprism"), 0)]
    wide, narrow = (
        (frame_of(NONMATCHING, CLOSE, key, frame=f) != frame_of(NONMATCHING, CLOSE)).any(axis=(0, 2)).sum()
        for f in (0, 32)  # a turn is 2048 ms, 128 frames: lying across the view, and pointing at the viewer
    )
    assert wide > 1.7 * narrow
    tops = [
        (frame_of(NONMATCHING, CLOSE, key, frame=f, scene=opaque(scene)) != frame_of(NONMATCHING, CLOSE))
        .any(axis=(1, 2))
        .argmax()
        for f in range(0, 79, 2)  # once up and down: 2 pi / 0.005 ms
    ]
    assert 48 / 110 * 8 - 1 <= max(tops) - min(tops) <= 48 / 110 * 8 + 1


def _box(sprite):
    """What a sprite looks like from CLOSE at four turns, (4, rows, columns, 3)."""
    standing = (600, 64, nonmatching.OBJECT_Z, pictures.SIZES[sprite[0]])
    views = [frame_of(NONMATCHING, CLOSE, [(*standing, *sprite)], frame=f) for f in (0, 16, 32, 48)]
    return np.array(views)[:, 28:56, 36:60]


def test_every_two_shapes_look_different():
    boxes = [_box((shape, 0)) for shape in range(12)]
    for a, b in itertools.combinations(range(12), 2):
        difference = np.abs(boxes[a] - boxes[b]).mean()
        assert difference > 5.0, f"{pictures.SHAPES[a]} and {pictures.SHAPES[b]} differ by {difference:.1f} of 255"


def test_every_shape_shows_its_colour():
    empty = np.array([frame_of(NONMATCHING, CLOSE)[28:56, 36:60]] * 4)
    for shape in range(12):
        for colour in range(3):
            close = np.abs(_box((shape, colour)) - pictures.OBJECT_COLOURS[colour]).max(axis=-1) < 25
            assert close.sum(axis=(1, 2)).min() >= 8, f"{pictures.SHAPES[shape]} in colour {colour}"
            assert not (np.abs(empty - pictures.OBJECT_COLOURS[colour]).max(axis=-1) < 25).any()


def test_pictures_stand_upright():
    album, first = pictures.album(range(14))

    def widths(picture):  # of what is covered, at the top and at the bottom
        rows = album[first[picture], :32, :, pictures.COVERAGE].astype(int).sum(axis=0)
        return rows[:8].sum(), rows[-8:].sum()

    top, bottom = widths(pictures.SHAPES.index("cone"))
    assert bottom > 3 * top
    for picture in (pictures.SHAPES.index("potcone"), pictures.KEY, pictures.GOAL):
        top, bottom = widths(picture)
        assert top > 1.3 * bottom


@pytest.mark.parametrize("name", solids.SOLIDS)
def test_solids_fit_into_their_pictures_from_all_sides(name):
    field, material = solids.SOLIDS[name]()
    assert field.shape == material.shape == (solids.POINTS,) * 3
    outside = np.broadcast_to((solids.RADIUS > 0.97) | (np.abs(solids.Z) > 0.97), field.shape)
    assert (field < 0).any()
    assert not (field[outside] < 0).any()


# --- keys, doors and what else there is ---

AT_DOOR = (350, 250, 0)  # a hundred units before a door at x = 450
DOOR = (450, 200, 450, 300, 4, -1)
BEHIND = (550, 260, 1, 83, pictures.KEY, 3)


@pytest.mark.parametrize("colour", range(5))
def test_keys_and_doors_of_all_colours_stand_out(colour):
    rgb = pictures.DOOR_COLOURS[colour]
    index = pictures.FIRST_DOOR_COLOUR + colour
    empty = frame_of(KEYS, AT_DOOR)
    assert np.abs(empty - rgb).max(axis=-1).min() > 60  # nothing else has the colour
    key = frame_of(KEYS, AT_DOOR, [(500, 250, 1, 83, pictures.KEY, index)])
    assert (key == rgb).all(axis=-1).sum() > 60
    door = frame_of(KEYS, AT_DOOR, [], [(*DOOR[:4], index, -1)])
    assert (door == rgb).all(axis=-1).sum() > 300


def test_a_door_can_be_seen_through():
    empty, door = frame_of(KEYS, AT_DOOR, [BEHIND]), frame_of(KEYS, AT_DOOR, [BEHIND], [DOOR])
    rows, columns = (door != empty).any(axis=(1, 2)).nonzero()[0], (door != empty).any(axis=(0, 2)).nonzero()[0]
    assert (rows[0], rows[-1]) == (12, 59)  # 100 units high, 100 away, seen from half its height
    assert (columns[0], columns[-1]) == (24, 71)
    inside = (slice(12, 60), slice(24, 72))
    assert (door == (0, 255, 0)).all(axis=-1)[inside].mean() > 0.2
    assert (door == empty).all(axis=-1)[inside].mean() > 0.3
    assert (np.abs(door - (255, 0, 0)).max(axis=-1) < 90).sum() > 20  # the key behind it


def test_doors_and_sprites_hide_each_other_by_distance():
    before = (400, 250, 1, 83, pictures.KEY, 3)
    scene = opaque(bare(KEYS))
    assert np.array_equal(
        frame_of(KEYS, AT_DOOR, [BEHIND], [DOOR], scene=scene), frame_of(KEYS, AT_DOOR, [], [DOOR], scene=scene)
    )
    assert (frame_of(KEYS, AT_DOOR, [before], [DOOR], scene=scene) == (255, 0, 0)).all(axis=-1).sum() > 1000


def test_an_opening_door_slides_along_itself_and_is_gone_after_18_frames():
    empty, scene = frame_of(KEYS, AT_DOOR), opaque(bare(KEYS))
    for frames, left in ((0, 48), (9, 25), (18, 0), (500, 0)):
        door = frame_of(KEYS, AT_DOOR, [], [(*DOOR[:5], frames)], scene=scene)
        columns = (door != empty).any(axis=(0, 2)).nonzero()[0]
        assert columns.tolist() == list(range(24, 24 + left))  # what is left is at y = 300, on the left


def test_the_bars_slide_with_their_door():
    scene = opaque(bare(KEYS))
    scene.pictures[..., 0] = 7 * np.arange(64)[:, None] % 256
    closed, late = (frame_of(KEYS, AT_DOOR, [], [(*DOOR[:4], 7, frames)], scene=scene) for frames in (-1, 15))
    assert np.array_equal(late[12:60, 24:34], closed[12:60, 62:72])  # 38 columns on
    assert not np.array_equal(closed[12:60, 24:34], closed[12:60, 62:72])


def test_the_held_key_is_a_square_in_the_corner():
    slots = np.repeat(slots_at(KEYS, [AT_DOOR]), 6)
    slots["held"] = np.arange(-1, 5)
    seen = frames_of(KEYS, slots)
    for colour in range(5):
        frame = seen[1 + colour]
        assert (frame[2:9, 2:9] == pictures.DOOR_COLOURS[colour]).all()
        changed = (frame != seen[0]).any(axis=-1)
        changed[1:10, 1:10] = False
        assert not changed.any()
        assert (np.abs(frame[1, 1:10] - pictures.DOOR_COLOURS[colour]).max(axis=-1) > 100).all()  # its edge


def test_sky_shows_where_there_is_no_floor():
    slots = slots_at(KEYS, [(250, 150, 90)])
    with_floor = frames_of(KEYS, slots)
    slots["floor"] = 0
    without = frames_of(KEYS, slots)
    assert np.array_equal(with_floor[:, :36], without[:, :36])
    assert (with_floor[:, 60:] != without[:, 60:]).any(axis=-1).mean() > 0.9


def test_the_eight_paintings_differ_in_colour_from_across_the_arena():
    means = []
    for k in range(8):
        angle = 45 * k
        pose = (-650 * np.cos(np.radians(angle)), -650 * np.sin(np.radians(angle)), angle)
        seen, kind = frame_of(WATERMAZE, pose), cast(WATERMAZE, slot_at(WATERMAZE, pose)[0])[0]
        assert (kind == 1 + k).sum() >= 16
        means.append(seen[kind == 1 + k].mean(axis=0))
    for a, b in itertools.combinations(range(8), 2):
        assert np.abs(means[a] - means[b]).max() > 25, f"{pictures.PAINTINGS[a]}, {pictures.PAINTINGS[b]}"


def test_water_moves_and_other_floors_do_not():
    for level, moves in ((WATERMAZE, True), (NONMATCHING, False), (KEYS, False)):
        first, later = (frame_of(level, POSES[level][0], frame=f) for f in (0, 32))
        assert np.array_equal(first[:30], later[:30])
        assert np.array_equal(first[40:], later[40:]) is not moves


def test_the_horizontal_field_of_view_is_90_degrees():
    assert np.isclose(raster.SLOPES[-1] + 0.5 / raster.FOCAL, 1)
    assert np.allclose(np.diff(raster.SLOPES), 1 / raster.FOCAL)


# --- what stands in nonmatching for good ---


@pytest.mark.parametrize(
    ("pose", "drum"),
    [((-60, -64, 0), 0), ((-40, 20, -35), 0), ((-20, -20, 60), 1), ((500, 64, 4), 3), ((470, -150, -20), 4)],
)
def test_each_pixel_of_a_drum_shows_the_face_that_its_ray_meets(pose, drum):
    scene = scenes.scene(NONMATCHING, hud=False)
    alone = scene._replace(drums=scene.drums[drum : drum + 1])
    seen, without = frame_of(NONMATCHING, pose, scene=alone), frame_of(NONMATCHING, pose)
    faces = cast_drum(NONMATCHING, slot_at(NONMATCHING, pose)[0], scene.drums[drum])
    colours = scenes.DRUMS[int(scene.drums[drum, 5])]
    drawn = seen[..., 0] | seen[..., 1] << 8 | seen[..., 2] << 16
    expected = np.where(faces >= 0, colours[faces], without[..., 0] | without[..., 1] << 8 | without[..., 2] << 16)
    assert (faces >= 0).sum() > 40
    assert (drawn == expected).mean() > 0.992  # but for roundings along the edges


def test_an_object_hides_the_pedestal_that_it_stands_on():
    x, y = maps.CHOICES[0]
    scene = opaque(scenes.scene(NONMATCHING, hud=False))
    seen = frame_of(NONMATCHING, CLOSE, [(x, y, 0, 20, 0, 2)], scene=scene)
    assert (seen == pictures.OBJECT_COLOURS[2]).all(axis=-1).sum() >= 7 * 7


def test_the_pad_can_be_told_from_floor_and_pedestals():
    seen = frame_of(NONMATCHING, (-60, -64, 0), scene=scenes.scene(NONMATCHING, hud=False))
    red, green, blue = seen[40:].reshape(-1, 3).T
    assert ((red > 90) & (blue > 160) & (green < 100)).sum() > 15  # violet


@pytest.mark.parametrize(("milliseconds", "share"), [(250, 0.25), (500, 0.5), (1000, 1.0), (4000, 1.0)])
def test_items_grow_to_their_size_in_the_first_second(milliseconds, share):
    scene = opaque(bare(NONMATCHING))
    slot = slot_at(NONMATCHING, CLOSE, [(600, 64, 13, 40, 0, 2)])
    slot["server_ms"] = milliseconds
    rows = (frames_of(NONMATCHING, slot, scene)[0] == pictures.COLOURS[2]).all(axis=(-1)).any(axis=1).sum()
    assert rows == pytest.approx(share * 40 * 48 / 110, abs=1.1)


def test_far_doors_keep_their_full_colour():
    door = (900, 200, 900, 300, 4, -1)  # 550 units away
    seen = frame_of(KEYS, AT_DOOR, [], [door])
    changed = (seen != frame_of(KEYS, AT_DOOR)).any(axis=-1)
    assert (seen[changed] == (0, 255, 0)).all(axis=-1).mean() > 0.4
