"""What the observations and actions of `gymnasium:<id>` become, and which are refused before work starts."""

from __future__ import annotations

from typing import ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium_environments import BITS, IMAGE, Counting

from rtrl_bench.envs.registry import make, validate
from rtrl_bench.errors import ConfigError, EnvironmentFailed


def _first(name, slots=2, **options):
    env = make(f"gymnasium:Test{name}-v0", slots, seed=0, options=options)
    return env.single_observation_space, env.reset()[0]


def test_vectors_become_float32():
    space, seen = _first("Vector")
    assert (space.dtype, space.shape, seen.dtype) == (np.float32, (2,), np.float32)


def test_discrete_observations_become_one_hot():
    space, seen = _first("Symbol")
    assert (space.dtype, space.shape) == (np.float32, (4,))
    assert seen.tolist() == [[1, 0, 0, 0]] * 2


def test_images_become_channel_first():
    space, seen = _first("Image")
    assert (space.dtype, space.shape) == (np.uint8, (3, 10, 12))
    assert np.array_equal(seen[1, 2], IMAGE[:, :, 2])


def test_images_without_channels_get_one():
    space, seen = _first("Grey")
    assert space.shape == (1, 10, 12)
    assert np.array_equal(seen[0, 0], IMAGE[:, :, 0])


def test_channel_first_images_stay():
    space, seen = _first("First")
    assert space.shape == (3, 10, 12)
    assert np.array_equal(seen[0, 1], IMAGE[:, :, 1])


def test_images_are_scaled_by_the_bounds_of_their_space():
    space, seen = _first("Levels")
    assert seen[0, 0, 0].tolist() == [round(25.5 * n) for n in range(11)]
    assert (space.low.min(), space.high.max(), seen.dtype) == (0, 255, np.uint8)


def test_bits_are_images_of_black_and_white():
    _, seen = _first("Bits")
    assert np.array_equal(seen[1], np.moveaxis(255 * BITS, 2, 0))


def test_an_observation_outside_of_the_bounds_is_refused_and_not_wrapped():
    env = make("gymnasium:TestBeyond-v0", 1, seed=0)
    env.reset()
    env.step(np.zeros(1, int))
    with pytest.raises(
        EnvironmentFailed, match=r"TestBeyond-v0 failed: ValueError: .* 2\.\.2 is outside of its space Box"
    ):
        env.step(np.zeros(1, int))


def test_arrays_that_are_no_images_are_flattened():
    space, seen = _first("Matrix")
    assert (space.dtype, space.shape) == (np.float32, (4,))
    assert seen.tolist() == [[0, 1, 2, 3]] * 2
    assert _first("Volume")[0].shape == (6 * 8 * 12,)


def test_the_parts_of_a_dict_are_joined_in_the_order_of_their_names():
    space, seen = _first("Dict")
    assert space.dtype == np.float32
    assert seen.tolist() == [[0, 1, 0, 0, 5]] * 2


def test_the_parts_of_a_tuple_are_joined():
    assert _first("Tuple")[1].tolist() == [[0, 1, 0, 1]] * 2


def test_a_dict_of_one_part_is_that_part():
    space, seen = _first("Single")
    assert space.shape == (3, 10, 12)
    assert np.array_equal(seen[0], np.moveaxis(IMAGE, 2, 0))


def test_an_image_among_other_parts_is_scaled_by_its_bounds_as_well():
    assert np.allclose(_first("Parts")[1][0], [0, 0.5, 1, 0.1, 0.2, 0.3, 0, 0, 1])


def test_parts_can_be_chosen_and_a_single_one_is_what_it_is_alone():
    assert _first("Mission", observation_keys=["x"])[1].tolist() == [[1, 0, 0]] * 2
    space, seen = _first("Parts", observation_keys=["picture"])
    assert (space.dtype, space.shape) == (np.uint8, (1, 2, 3))
    assert seen[0, 0].tolist() == [[0, 128, 255], [26, 51, 76]]
    assert _first("Tuple", observation_keys=[1])[1].tolist() == [[0, 1]] * 2


def test_parts_that_cannot_be_made_into_numbers_are_named_with_the_others():
    with pytest.raises(ConfigError, match=r"graph cannot be made into numbers: set .*\{observation_keys: \[x\]\}"):
        validate("gymnasium:TestMission-v0")


@pytest.mark.parametrize("keys", [["y", "z"], [], "x", ["x", "x"], [0]])
def test_keys_that_the_observations_do_not_have_are_refused(keys):
    with pytest.raises(
        ConfigError, match=r"option observation_keys = .* of environment gymnasium:TestDict-v0: .*expected"
    ):
        validate("gymnasium:TestDict-v0", {"observation_keys": keys})


@pytest.mark.parametrize("shape", [(6, 8, 12), (12, 10, 10), (10, 10, 7), (4, 4, 16), (16, 4, 4), (3, 9, 3), (3, 4, 9)])
def test_a_layout_that_the_sizes_leave_open_is_asked_for(shape):
    name = f"TestOpen{'x'.join(map(str, shape))}-v0"
    box = spaces.Box(0, 255, shape, np.uint8)
    gymnasium.register(
        name, Counting, kwargs={"observation_space": box, "convert": lambda n: np.zeros(shape, np.uint8)}
    )
    with pytest.raises(
        ConfigError, match=r"is ambiguous; set .*\{image_layout: channels_first \| channels_last \| flat"
    ):
        validate(f"gymnasium:{name}")
    shapes = {}
    for layout in ("channels_first", "channels_last", "flat"):
        env = make(f"gymnasium:{name}", 1, seed=0, options={"image_layout": layout})
        shapes[layout] = env.reset()[0].shape[1:]
    size = np.prod(shape)
    assert shapes == {"channels_first": shape, "channels_last": (shape[2], *shape[:2]), "flat": (size,)}


def test_bounded_numbers_are_an_image_where_a_layout_is_given():
    space, seen = _first("Volume", image_layout="channels_first")
    assert (space.dtype, space.shape) == (np.uint8, (6, 8, 12))
    assert not seen.any()


@pytest.mark.parametrize(
    ("name", "layout", "message"),
    [
        ("Image", "hwc", "image_layout = 'hwc' of environment gymnasium:TestImage-v0: expected one of channels_first"),
        (
            "Vector",
            "channels_last",
            "expected a bounded Box of three dimensions, the observations are .* remove the key",
        ),
        ("Stack", None, r"expected images of two or three dimensions; set .*\{image_layout: flat\}"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(name, layout, message):
    with pytest.raises(ConfigError, match=message):
        validate(f"gymnasium:Test{name}-v0", {"image_layout": layout} if layout else {})


class Choosing(gymnasium.Env):
    """Keeps the actions that it gets."""

    observation_space = spaces.Box(-1, 1, (1,))
    got: ClassVar[list] = []

    def __init__(self, action_space):
        self.action_space = action_space

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.got.append(action)
        return np.zeros(1, np.float32), 0.0, False, False, {}


CHOICES = {
    "several": (spaces.MultiDiscrete([2, 3], start=[5, -1]), [1, 2], np.array([6, 1])),
    "table": (spaces.MultiDiscrete([[2, 3], [4, 5]]), [1, 2, 3, 4], np.array([[1, 2], [3, 4]])),
    "binary": (spaces.MultiBinary(3), [1, 0, 1], np.array([1, 0, 1])),
    "tuple": (spaces.Tuple([spaces.Discrete(2), spaces.MultiDiscrete([3, 4])]), [1, 2, 3], (1, np.array([2, 3]))),
    "dict": (spaces.Dict({"b": spaces.Discrete(2), "a": spaces.Discrete(3, start=1)}), [2, 1], {"a": 3, "b": 1}),
}


def _equal(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return all(map(_equal, one, other)) if isinstance(one, tuple) else np.array_equal(one, other)


@pytest.mark.parametrize("choice", CHOICES)
def test_actions_of_several_factors_reach_the_environment_as_it_has_them(choice):
    space, action, expected = CHOICES[choice]
    name = f"TestChoosing{choice.title()}-v0"
    gymnasium.register(name, Choosing, kwargs={"action_space": space})
    Choosing.got.clear()
    env = make(f"gymnasium:{name}", 2, seed=0)
    assert isinstance(env.single_action_space, spaces.MultiDiscrete)
    assert len(env.action_sizes) == len(action)
    env.reset()
    env.step(np.array([action, [0] * len(action)]))
    assert _equal(Choosing.got[0], expected)


def test_an_action_with_one_factor_out_of_range_is_refused_with_the_slot():
    gymnasium.register("TestChoosing-v0", Choosing, kwargs={"action_space": spaces.MultiDiscrete([2, 3])})
    env = make("gymnasium:TestChoosing-v0", 2, seed=0)
    env.reset()
    with pytest.raises(ValueError, match=r"action \[0 3\] in slot 1 of .*: expected 0\.\.1 x 0\.\.2"):
        env.step(np.array([[0, 2], [0, 3]]))
    with pytest.raises(ValueError, match=r"expected integers of shape \(2, 2\), not int64 \(2,\)"):
        env.step(np.zeros(2, np.int64))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Pendulum-v1",
            r"gymnasium:Pendulum-v1 has the actions Box.*expected discrete actions.*; use another environment",
        ),
        ("TestMission-v0", r"gymnasium:TestMission-v0 has the observations Dict"),
    ],
)
def test_spaces_that_do_not_fit_are_refused(name, message):
    for refuse in (lambda: validate(f"gymnasium:{name}"), lambda: make(f"gymnasium:{name}", 1, seed=0)):
        with pytest.raises(ConfigError, match=message):
            refuse()


@pytest.mark.parametrize(
    ("task", "size", "actions"),
    [
        ("RepeatPrevious", 4, 4),
        ("RepeatFirst", 4, 4),
        ("CountRecall", 4, 27),
        ("Autoencode", 6, 4),
        ("Concentration", 156, 52),
    ],
)
def test_popgyms_tasks_show_one_hot_vectors_and_take_one_discrete_action(task, size, actions):
    env = make(f"gymnasium:popgym-{task}Easy-v0", 2, seed=0)
    seen, _ = env.reset()
    assert (seen.shape, seen.dtype, env.action_sizes) == ((2, size), np.float32, (actions,))
    assert set(np.unique(seen)) == {0, 1}


def test_popgyms_repeat_previous_rewards_what_was_seen_three_steps_before():
    env = make("gymnasium:popgym-RepeatPreviousEasy-v0", 8, seed=0)
    shown, rewards = [env.reset()[0]], []
    for step in range(40):
        asked = shown[max(0, step - 3)]
        seen, reward, *_ = env.step(asked.argmax(axis=1))
        shown.append(seen)
        rewards.append(reward)
    assert (np.array(rewards[3:]) > 0).all()
