"""The renderer against a slow ray caster, and what it must show for the levels to make sense."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtrl_bench.envs.rooms import maps, pictures, raster, render, solids
from rtrl_bench.envs.rooms.physics import GROUND_Z
from rtrl_bench.envs.rooms.state import GRID, MAX_SPRITES, SLOT

NONMATCHING, WATERMAZE, KEYS = "rooms_select_nonmatching_object", "rooms_watermaze", "rooms_keys_doors_puzzle"
FLOOR_Z = {NONMATCHING: 0.0, WATERMAZE: 16.0, KEYS: 1.0}
EYE = 26.0 + GROUND_Z  # above the floor
ROWS = (36 - 0.5 - np.arange(72))[:, None] / 48  # slope upwards of a row's ray
COLUMNS = (np.arange(96) + 0.5 - 48)[None, :] / 48  # and to the right of a column's
ISLANDS = np.zeros(GRID, np.uint8)
ISLANDS[1:3, 1:4] = ISLANDS[4:6, 1:4] = ISLANDS[2, 4:6] = ISLANDS[3, 2] = 1


def slots_at(level, poses):
    """A slot for each pose (x, y, yaw), without objects."""
    slots = np.zeros(len(poses), SLOT)
    slots["x"], slots["y"], slots["yaw"] = np.transpose(poses)
    slots["z"] = FLOOR_Z[level] + GROUND_Z
    slots["held"] = slots["event"] = -1
    slots["floor"] = ISLANDS
    return slots


def slot_at(level, pose, sprites=(), fences=(), frame=0):
    slots = slots_at(level, [pose])
    slots["frame"] = frame
    for name, count, rows in (("sprites", "sprite_count", sprites), ("fences", "fence_count", fences)):
        slots[count] = len(rows)
        for k, row in enumerate(rows):
            slots[name][0, k] = row
    return slots


def frames_of(level, slots, scene=None):
    """Frames (slot, 72, 96, 3), as integers."""
    frames = np.full((len(slots), 3, 72, 96), 77, np.uint8)
    render.draw(slots, 0, len(slots), frames, scene or render.scene(level))
    return frames.transpose(0, 2, 3, 1).astype(int)


def frame_of(level, *pose_and_objects, scene=None, **objects):
    return frames_of(level, slot_at(level, *pose_and_objects, **objects), scene)[0]


def coded(scene, colour_of):
    """The scene with its textures replaced by colour_of(texture's number, column, row); its sky is black."""
    column, row = (np.arange(64) + 0.5)[None, :] / 64, (np.arange(64) + 0.5)[:, None] / 64
    codes = [
        np.stack([np.broadcast_to(c, (64, 64)) for c in colour_of(k, column, row)], -1)
        for k in range(len(scene.textures))
    ]
    return scene._replace(textures=pictures.mipmap(255 * np.array(codes)), sky=np.zeros_like(scene.sky))


# --- an independent ray caster, pixel by pixel in double precision ---


def cast(level, slot):
    """Of each pixel: texture's number (-1: sky), u, v in 0..1 and depth of what its ray meets first."""
    yaw, eye = np.radians(slot["yaw"]), np.array([slot["x"], slot["y"], slot["z"] + 26.0])
    dx = np.cos(yaw) + COLUMNS * np.sin(yaw) + 0 * ROWS
    dy = np.sin(yaw) - COLUMNS * np.cos(yaw) + 0 * ROWS
    dz = ROWS + 0 * COLUMNS
    kind, depth = np.full((72, 96), -1), np.full((72, 96), np.inf)
    u, v = np.zeros((72, 96)), np.zeros((72, 96))
    walls = {NONMATCHING: maps.NONMATCHING_WALLS, WATERMAZE: maps.WATERMAZE_WALLS, KEYS: []}[level]
    for x0, y0, x1, y1, z0, z1, texture in np.asarray(walls, float):
        # eye + depth (dx, dy) = (x0, y0) + share (x1 - x0, y1 - y0), by Cramer's rule
        determinant = dy * (x1 - x0) - dx * (y1 - y0)
        hit_depth = ((y0 - eye[1]) * (x1 - x0) - (x0 - eye[0]) * (y1 - y0)) / determinant
        share = (dx * (y0 - eye[1]) - dy * (x0 - eye[0])) / determinant
        z = eye[2] + hit_depth * dz
        hit = (hit_depth > 0) & (share >= 0) & (share < 1) & (z >= z0) & (z < z1) & (hit_depth < depth)
        along, up = (round(np.hypot(x1 - x0, y1 - y0) / 64), (z1 - z0) / 64) if texture == 0 else (1, 1)
        kind[hit], depth[hit] = texture, hit_depth[hit]
        u[hit], v[hit] = share[hit] * along % 1, (z1 - z[hit]) / (z1 - z0) * up % 1
    hit_depth = np.where(dz < 0, (FLOOR_Z[level] - eye[2]) / np.where(dz < 0, dz, -1), np.inf)
    near = hit_depth < depth
    x, y = eye[0] + np.where(near, hit_depth, 0) * dx, eye[1] + np.where(near, hit_depth, 0) * dy
    texture, spans = floor_at(level, x, y)
    floor = near & (texture >= 0)
    kind[floor], depth[floor] = texture[floor], hit_depth[floor]
    u[floor], v[floor] = x[floor] / spans % 1, y[floor] / spans % 1
    return kind, u, v, depth


def floor_at(level, x, y):
    """Texture's number (-1: nothing) at points of the floor, and how many units it spans."""
    if level == NONMATCHING:
        return np.where((x >= 40) & (x < 88) & (y >= -88) & (y < -40), 2, 1), 64
    if level == WATERMAZE:
        return np.full(x.shape, 9), 128
    i, j = np.floor(y / 100).astype(int), np.floor(x / 100).astype(int)
    inside = (i >= 0) & (i < GRID[0]) & (j >= 0) & (j < GRID[1])
    return np.where(inside & (ISLANDS[i.clip(0, GRID[0] - 1), j.clip(0, GRID[1] - 1)] > 0), 0, -1), 100


POSES = {
    NONMATCHING: [
        (-232, -64, 0),
        (-20, 90, -60),
        (288, -64, 0),
        (300, -100, 160),
        (590, 60, -133),
        (110, -240, 117),
        (500, 0, 215),
    ],
    WATERMAZE: [(0, 0, 10), (700, 0, 0), (-500, 350, 100), (300, -600, -80), (-100, 730, -41), (20, 30, 201)],
    KEYS: [(150, 150, 45), (350, 250, 180), (250, 450, -90), (450, 250, 10), (320, 520, 250)],
}
CASES = [(level, pose) for level, poses in POSES.items() for pose in poses]


@pytest.mark.parametrize(("level", "pose"), CASES)
def test_each_pixel_shows_the_surface_that_its_ray_meets_first(level, pose):
    seen = frame_of(level, pose, scene=coded(render.scene(level), lambda k, column, row: (k / 20, 0, 1)))
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
    seen = frame_of(level, pose, scene=coded(render.scene(level), lambda k, column, row: (column, row, 1)))
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
    scene = render.scene(KEYS)
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
        seen = frames_of(level, slots_at(level, poses), coded(render.scene(level), lambda k, column, row: (1, 1, 1)))
        assert seen[:, 35:].min() > 0


def test_all_levels_share_one_compilation():
    for level, poses in POSES.items():
        frames_of(level, slots_at(level, poses))
    assert len(render.draw.signatures) == 1


def test_frames_depend_neither_on_the_order_of_slots_nor_on_how_they_are_shared_out():
    slots = np.concatenate([_furnished(frame) for frame in range(0, 120, 20)])
    together, order = frames_of(KEYS, slots), np.random.default_rng(1).permutation(len(slots))
    assert np.array_equal(frames_of(KEYS, slots[order]), together[order])
    shared = np.full((len(slots), 3, 72, 96), 5, np.uint8)
    for low, high in ((2, len(slots)), (0, 2)):
        render.draw(slots, low, high, shared, render.scene(KEYS))
    assert np.array_equal(shared.transpose(0, 2, 3, 1), together)
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

WALL = (600, -64, 0)  # a pose at the last wall of room B
CLOSE = (490.0, 64.0, 0)  # 110 units from the first choice


def opaque(scene):
    """The scene with pictures that are wholly of the sprite's colour."""
    full = np.zeros_like(scene.pictures)
    full[..., 3:] = 255
    return scene._replace(pictures=full)


@pytest.mark.parametrize("yaw", [-20, 0, 14])
@pytest.mark.parametrize(("distance", "size"), [(300, 32), (120, 40), (150, 20)])
def test_a_sprite_is_where_perspective_puts_it(yaw, distance, size):
    x, y = 600 - distance * np.cos(0.2), -64 - distance * np.sin(0.2)
    yaw = yaw + np.degrees(0.2)
    sprites = [(600, -64, 20, size, 0, 2)]
    without, seen = (
        frame_of(NONMATCHING, (x, y, yaw), shown, scene=opaque(render.scene(NONMATCHING))) for shown in ([], sprites)
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
    scene = opaque(render.scene(NONMATCHING))
    seen = [frame_of(NONMATCHING, (420, -64, 0), order, scene=scene) for order in itertools.permutations(sprites)]
    assert all(np.array_equal(other, seen[0]) for other in seen)
    assert (seen[0][40, 48] == pictures.COLOURS[2]).all()


def test_as_many_sprites_as_a_slot_holds_are_drawn():
    sprites = [(450 + 5 * k, -64, 20, 10, 0, k % 3) for k in range(MAX_SPRITES)]
    fewer = frame_of(NONMATCHING, (400, -64, 0), sprites[1:])
    assert not np.array_equal(fewer, frame_of(NONMATCHING, (400, -64, 0), sprites))


def test_items_spin_and_bob_with_the_engines_time():
    scene = render.scene(NONMATCHING)
    key = [(600, 64, 20, 32, pictures.SHAPES.index("barbell"), 0)]
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
    views = [frame_of(NONMATCHING, CLOSE, [(600, 64, 20, 32, *sprite)], frame=f) for f in (0, 16, 32, 48)]
    return np.array(views)[:, 30:56, 38:58]


def test_every_two_shapes_look_different():
    boxes = [_box((shape, 0)) for shape in range(12)]
    for a, b in itertools.combinations(range(12), 2):
        difference = np.abs(boxes[a] - boxes[b]).mean()
        assert difference > 6.5, f"{pictures.SHAPES[a]} and {pictures.SHAPES[b]} differ by {difference:.1f} of 255"


def test_every_shape_shows_its_colour():
    empty = np.array([frame_of(NONMATCHING, CLOSE)[30:56, 38:58]] * 4)
    for shape in range(12):
        for colour in range(3):
            close = np.abs(_box((shape, colour)) - pictures.OBJECT_COLOURS[colour]).max(axis=-1) < 25
            assert close.sum(axis=(1, 2)).min() >= 8, f"{pictures.SHAPES[shape]} in colour {colour}"
            assert not (np.abs(empty - pictures.OBJECT_COLOURS[colour]).max(axis=-1) < 25).any()


def test_pictures_stand_upright():
    album, first = pictures.album(range(14))

    def widths(picture):  # of what is covered, at the top and at the bottom
        rows = album[first[picture], :32, :, 3].astype(int).sum(axis=0)
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
    scene = opaque(render.scene(KEYS))
    assert np.array_equal(
        frame_of(KEYS, AT_DOOR, [BEHIND], [DOOR], scene=scene), frame_of(KEYS, AT_DOOR, [], [DOOR], scene=scene)
    )
    assert (frame_of(KEYS, AT_DOOR, [before], [DOOR], scene=scene) == (255, 0, 0)).all(axis=-1).sum() > 1000


def test_an_opening_door_slides_along_itself_and_is_gone_after_18_frames():
    empty, scene = frame_of(KEYS, AT_DOOR), opaque(render.scene(KEYS))
    for frames, left in ((0, 48), (9, 24), (18, 0), (500, 0)):
        door = frame_of(KEYS, AT_DOOR, [], [(*DOOR[:5], frames)], scene=scene)
        columns = (door != empty).any(axis=(0, 2)).nonzero()[0]
        assert columns.tolist() == list(range(24, 24 + left))  # what is left is at y = 300, on the left


def test_the_bars_slide_with_their_door():
    scene = opaque(render.scene(KEYS))
    scene.pictures[..., 0] = 7 * np.arange(64)[:, None] % 256
    closed, half = (frame_of(KEYS, AT_DOOR, [], [(*DOOR[:4], 7, frames)], scene=scene) for frames in (-1, 9))
    assert np.array_equal(half[12:60, 24:48], closed[12:60, 48:72])
    assert not np.array_equal(closed[12:60, 24:48], closed[12:60, 48:72])


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


def test_the_teleporter_can_be_told_from_the_floor():
    ahead = frame_of(NONMATCHING, (-20, -64, 0))
    kind = cast(NONMATCHING, slot_at(NONMATCHING, (-20, -64, 0))[0])[0]
    assert (kind == 2).sum() > 50
    assert np.abs(ahead[kind == 2].mean(axis=0) - ahead[kind == 1].mean(axis=0)).max() > 100


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


def _drawn_over(level, slots):
    """The frames, drawn over two different backgrounds."""
    frames = [np.full((len(slots), 3, 72, 96), before, np.uint8) for before in (77, 200)]
    for frame in frames:
        render.draw(slots, 0, len(slots), frame, render.scene(level))
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
