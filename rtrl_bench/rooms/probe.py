"""How well the objects of nonmatching can be told apart where the level asks for it: a linear probe on the images.

A player turns at random for a second and no longer: at the spawn, when the example has grown to its size, and after
the arrival behind the teleporter, which throws it forward. From the image at a random step of that second, a ridge
regression on its pixels is to tell colour (of 3) and shape (of 12) of the example, or of the choices to the left and
the right. Only objects wholly in view count. The accuracy is that on episodes that were not trained on.

Such a probe knows a shape only where in the image and turned as it saw it in training, unlike a convolutional network:
its accuracy is a lower bound of what can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from rtrl_bench.rooms import maps, nonmatching, physics
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, FRAMES_PER_SECOND, IMAGE_SHAPE
from rtrl_bench.rooms.oracles import LOOK_LEFT, LOOK_RIGHT, NOTHING
from rtrl_bench.rooms.pictures import SHAPES
from rtrl_bench.rooms.simulator import Simulator
from rtrl_bench.rooms.state import SPRITE_COLOUR, SPRITE_PICTURE, SPRITE_X, SPRITE_Y

LEVEL = "rooms_select_nonmatching_object"
EPISODES = 5000
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.2  # of all episodes; of the frames of the rest
AT_ONCE = 500  # episodes
SECOND = FRAMES_PER_SECOND // ACTION_REPEAT  # in steps
IN_VIEW_DEGREES = 40.0  # from the middle of the image, which shows 45 to either side
CLASSES = {"colour": nonmatching.VARIANTS, "shape": len(SHAPES)}
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # times the mean square of an image
OBJECTS = ("example", "left choice", "right choice")


@dataclass(frozen=True)
class Accuracy:
    """How often the probe is right about a property of an object, on frames of other episodes than it learned from."""

    object: str
    property: str
    classes: int
    accuracy: float
    chance: float
    trained_frames: int
    tested_frames: int


@dataclass(frozen=True)
class Views:
    """Images of one object, a row per episode in which it was wholly in view."""

    images: np.ndarray  # uint8 (frames, pixels)
    colour: np.ndarray  # int64 (frames,)
    shape: np.ndarray  # int64 (frames,)
    tested: np.ndarray  # bool (frames,): of an episode kept for the test


def measured() -> list[Accuracy]:
    """Accuracies of both properties of all objects, from EPISODES episodes."""
    return [row for name, views in zip(OBJECTS, _collected(EPISODES, seed=0)) for row in accuracies(name, views)]


def accuracies(name: str, views: Views) -> list[Accuracy]:
    """Train and test the probe for both properties of the object called `name`."""
    tested = int(views.tested.sum())
    products, rows = _products(views.images, ~views.tested), []
    for what, classes in CLASSES.items():
        labels = getattr(views, what)
        right = _predicted(products, labels, classes, views.tested) == labels[views.tested]
        rows.append(Accuracy(name, what, classes, float(right.mean()), 1 / classes, len(labels) - tested, tested))
    return rows


def _products(images: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Scalar products of all images less the mean of those trained on, of which the mean square is 1."""
    centred = images.astype(np.float32) / 255
    centred -= centred[trained].mean(axis=0)
    products: np.ndarray = centred @ centred.T
    return products / products[trained, trained].mean()


def _predicted(products: np.ndarray, labels: np.ndarray, classes: int, tested: np.ndarray) -> np.ndarray:
    """Labels of the images marked as `tested`, by a ridge regression of one-hot labels trained on the others.

    The penalty is the one of PENALTIES that is best on a part of the images trained on.
    """
    trained = np.flatnonzero(~tested)
    learned = int(len(trained) * (1 - VALIDATION_SHARE))
    fit, held = trained[:learned], trained[learned:]
    scores = {
        penalty: (_ridge(products, labels, classes, penalty, fit, held) == labels[held]).mean() for penalty in PENALTIES
    }
    best = max(scores, key=lambda penalty: scores[penalty])
    return _ridge(products, labels, classes, best, trained, np.flatnonzero(tested))


def _ridge(
    products: np.ndarray, labels: np.ndarray, classes: int, penalty: float, fit: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The labels of images `asked` by a regression on images `fit`, both rows of the matrix of scalar products."""
    targets = np.eye(classes, dtype=np.float32)[labels[fit]] - np.float32(1 / classes)
    damped = products[np.ix_(fit, fit)] + np.float32(penalty) * np.eye(len(fit), dtype=np.float32)
    return (products[np.ix_(asked, fit)] @ np.linalg.solve(damped, targets)).argmax(axis=1)


def _collected(episodes: int, seed: int) -> list[Views]:
    """The views of every one of OBJECTS."""
    found: list[list[Views]] = [[] for _ in OBJECTS]
    for first in range(0, episodes, AT_ONCE):
        numbers = np.arange(first, min(first + AT_ONCE, episodes))
        for views, more in zip(found, _played(numbers, numbers >= episodes * (1 - TEST_SHARE), seed)):
            views.append(more)
    return [Views(*(np.concatenate([getattr(v, f.name) for v in views]) for f in fields(Views))) for views in found]


def _played(numbers: np.ndarray, tested: np.ndarray, seed: int) -> Iterator[Views]:
    """The views of every one of OBJECTS in these episodes."""
    random = np.random.default_rng((seed, int(numbers[0])))
    simulator, count = Simulator(LEVEL, len(numbers)), len(numbers)
    simulator.reset(numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(2**32))
    waiting = np.full(count, NOTHING)
    for _ in range(SECOND):
        simulator.step(waiting)
    images, slots = _looked_around(simulator, random)
    yield _views(images, slots, slots["sprites"][:, 0], tested)

    x0, y0, x1, y1 = maps.PAD
    for slot in simulator.slots:
        physics.place(slot, (x0 + x1) / 2, (y0 + y1) / 2, physics.GROUND_Z, 0.0)
    simulator.step(waiting)
    images, slots = _looked_around(simulator, random)
    first, second = slots["sprites"][:, 1], slots["sprites"][:, 2]
    first_is_left = first[:, SPRITE_Y] > second[:, SPRITE_Y]
    for left in (True, False):
        yield _views(images, slots, np.where((first_is_left == left)[:, None], first, second), tested)


def _looked_around(simulator: Simulator, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turn at random for a second: images and slots at a step of it, drawn for every slot."""
    count = len(simulator.slots)
    steps = random.integers(1, SECOND + 1, count)
    seen, slots = np.empty((count, *IMAGE_SHAPE), np.uint8), simulator.slots.copy()
    for step in range(1, SECOND + 1):
        images, now = simulator.step(random.choice([LOOK_LEFT, LOOK_RIGHT, NOTHING], count))[0], steps == step
        seen[now], slots[now] = images[now], simulator.slots[now]
    return seen, slots


def _views(images: np.ndarray, slots: np.ndarray, sprites: np.ndarray, tested: np.ndarray) -> Views:
    """Images (B, ...) of those of the sprites (B, columns) that are in view of their slots."""
    x, y = sprites[:, SPRITE_X] - slots["x"], sprites[:, SPRITE_Y] - slots["y"]
    aside = (np.degrees(np.arctan2(y, x)) - slots["yaw"] + 180) % 360 - 180
    kept = np.abs(aside) <= IN_VIEW_DEGREES
    flat = images[kept].reshape(int(kept.sum()), -1)
    colour, shape = (sprites[kept, column].astype(np.int64) for column in (SPRITE_COLOUR, SPRITE_PICTURE))
    return Views(flat, colour, shape, tested[kept])
