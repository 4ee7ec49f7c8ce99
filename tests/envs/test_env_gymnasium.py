"""`gymnasium:<id>`: what is accepted, how observations are turned, and what is refused before work starts."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from rtrl_bench.envs.registry import check_available, make, validate
from rtrl_bench.errors import ConfigError, EnvironmentUnavailable, UnknownName


class Counting(gymnasium.Env):
    """Shows how many steps its episode has; ends after three with reward 3, and every third time is cut instead."""

    action_space = spaces.Discrete(2, start=5)

    def __init__(self, observation_space, convert):
        self.observation_space, self._convert, self._episodes = observation_space, convert, 0

    def reset(self, *, seed=None, options=None):
        self._count, self._episodes = 0, self._episodes + 1
        return self._convert(self._count), {}

    def step(self, action):
        assert action in (5, 6)
        self._count += 1
        ended = self._count == 3
        cut = ended and self._episodes % 3 == 0
        return self._convert(self._count), float(self._count), ended and not cut, cut, {}


IMAGE = np.arange(10 * 12 * 3, dtype=np.uint8).reshape(10, 12, 3)
FORMS = {
    "Vector": (spaces.Box(-9, 9, (2,), np.float64), lambda n: np.array([n, -n], np.float64)),
    "Symbol": (spaces.Discrete(4), lambda n: n),
    "Image": (spaces.Box(0, 255, (10, 12, 3), np.uint8), lambda n: IMAGE + np.uint8(n)),
    "Grey": (spaces.Box(0, 255, (10, 12), np.uint8), lambda n: IMAGE[..., 0]),
    "First": (spaces.Box(0, 255, (3, 10, 12), np.uint8), lambda n: np.moveaxis(IMAGE, 2, 0)),
    "Dict": (spaces.Dict({"x": spaces.Discrete(4)}), lambda n: {"x": n}),
    "Volume": (spaces.Box(0, 1, (4, 4, 4), np.float32), lambda n: np.zeros((4, 4, 4), np.float32)),
}
for _name, (_space, _convert) in FORMS.items():
    gymnasium.register(f"Test{_name}-v0", Counting, kwargs={"observation_space": _space, "convert": _convert})


def _first(name, slots=2):
    env = make(f"gymnasium:Test{name}-v0", slots, seed=0)
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


def test_the_next_episode_begins_in_the_step_in_which_one_ended():
    env = make("gymnasium:TestVector-v0", 2, seed=0)
    env.reset()
    steps = [env.step(np.array([0, 1])) for _ in range(9)]
    assert [s[0][0, 0] for s in steps] == [1, 2, 0] * 3
    assert [s[1][0] for s in steps] == [1, 2, 3] * 3
    assert [bool(s[2][0]) for s in steps] == [False, False, True, False, False, True, False, False, False]
    assert [bool(s[3][0]) for s in steps] == [False] * 8 + [True]


def test_the_episode_limit_is_the_ids_own():
    assert validate("gymnasium:CartPole-v1").episode_limit == 500


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Pendulum-v1",
            r"gymnasium:Pendulum-v1 has the actions Box.*expected discrete actions; use another environment",
        ),
        ("TestDict-v0", r"gymnasium:TestDict-v0 has the observations Dict.*expected an image"),
        ("TestVolume-v0", r"gymnasium:TestVolume-v0 has the observations Box.*expected an image"),
    ],
)
def test_spaces_that_do_not_fit_are_refused(name, message):
    for refuse in (lambda: validate(f"gymnasium:{name}"), lambda: make(f"gymnasium:{name}", 1, seed=0)):
        with pytest.raises(ConfigError, match=message):
            refuse()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPol-v1", "did you mean gymnasium:CartPole-v1"),
        ("CartPole-v7", "did you mean gymnasium:CartPole-v"),
        (
            "Nowhere/Nothing-v0",
            r"unknown environment 'gymnasium:Nowhere/Nothing-v0': "
            r"expected an id of gymnasium\.envs\.registration\.registry.*gymnasium\.pprint_registry\(\) shows them",
        ),
        ("rtrl_bench.envs:rtrl_bench/TMase-v0", "did you mean gymnasium:rtrl_bench.envs:rtrl_bench/TMaze-v0"),
        (
            "no_such_module:Nothing-v0",
            "expected 'no_such_module' to be a module .* No module named 'no_such_module'; install it or correct",
        ),
    ],
)
def test_ids_that_do_not_exist_are_refused(name, message):
    with pytest.raises(UnknownName, match=message):
        validate(f"gymnasium:{name}")


def test_an_id_whose_package_is_missing_is_unavailable_with_the_reason():
    gymnasium.register("TestMissing-v0", "no_such_simulator:Env")
    available = check_available("gymnasium:TestMissing-v0")
    assert not available.ok
    assert "no_such_simulator" in available.reason


@pytest.mark.parametrize("error", [ValueError("no licence"), RuntimeError("")])
def test_an_id_whose_constructor_raises_is_unavailable_with_the_reason(error):
    def fail():
        raise error

    name = f"Test{type(error).__name__}-v0"
    gymnasium.register(name, fail)
    available = check_available(f"gymnasium:{name}")
    assert not available.ok
    assert f"{type(error).__name__}: {error}".strip() in available.reason
    with pytest.raises(EnvironmentUnavailable, match=f"gymnasium:{name} cannot run here: .*; mend what it names"):
        make(f"gymnasium:{name}", 1, seed=0)


def test_a_module_that_raises_while_imported_is_reported(tmp_path, monkeypatch):
    (tmp_path / "broken_environments.py").write_text("raise ValueError('no display')")
    monkeypatch.syspath_prepend(tmp_path)
    available = check_available("gymnasium:broken_environments:Some-v0")
    assert not available.ok
    assert "ValueError: no display" in available.reason


def test_continuous_actions_are_unavailable_with_the_reason():
    available = check_available("gymnasium:Pendulum-v1")
    assert not available.ok
    assert "expected discrete actions" in available.reason


def test_options_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"unknown option 'gravity' of environment gymnasium:CartPole-v1: it has no"):
        validate("gymnasium:CartPole-v1", {"gravity": 1.0})
