"""`environment_options` of `gymnasium:<id>` are its constructor's, checked before work starts."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from rtrl_bench.envs.registry import make, validate
from rtrl_bench.errors import ConfigError


class Configured(gymnasium.Env):
    """Ends after `length` steps; `more` is nothing that its signature names, and `continuous` changes its actions."""

    observation_space = spaces.Discrete(2)

    def __init__(self, length: int, *, continuous=False):
        if length < 0:
            raise ValueError("a negative length")
        self._length = length
        self.action_space = spaces.Box(0, 1) if continuous else spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self._count = 0
        return 0, {}

    def step(self, action):
        self._count += 1
        return 0, 0.0, self._count == self._length, False, {}


class Derived(Configured):
    def __init__(self, more=0, **others):
        super().__init__(**others)


class Open(gymnasium.Env):
    observation_space = action_space = spaces.Discrete(2)

    def __init__(self, **options):
        self.options = options
        if options.get("size", 0) < 0:
            raise KeyError("size")


gymnasium.register("TestConfigured-v0", Configured, kwargs={"length": 4}, max_episode_steps=9)
gymnasium.register("TestDerived-v0", Derived, kwargs={"length": 4})
gymnasium.register("TestOpen-v0", Open)


def _ends(**options):
    env = make("gymnasium:TestConfigured-v0", 1, seed=0, options=options)
    env.reset()
    return [[bool(flag[0]) for flag in env.step(np.zeros(1, int))[2:4]] for _ in range(6)]


def test_options_reach_the_constructor():
    assert _ends()[:4] == [[False, False]] * 3 + [[True, False]]
    assert _ends(length=2)[1] == [True, False]
    assert validate("gymnasium:TestDerived-v0", {"more": 1, "length": 3}).options == {"more": 1, "length": 3}


def test_the_time_limit_is_an_option_of_every_id():
    assert _ends(max_episode_steps=2)[1] == [False, True]


def test_spaces_are_those_that_the_options_make():
    assert validate("gymnasium:TestConfigured-v0", {"continuous": False})
    with pytest.raises(ConfigError, match="has the actions Box"):
        validate("gymnasium:TestConfigured-v0", {"continuous": True})


@pytest.mark.parametrize("name", ["Configured", "Derived"])
def test_options_that_no_signature_has_are_refused_with_those_that_there_are(name):
    message = (
        rf"unknown option 'lenght' of environment gymnasium:Test{name}-v0: expected one of continuous, .*length, .*"
        "max_episode_steps.*; did you mean length"
    )
    with pytest.raises(ConfigError, match=message):
        validate(f"gymnasium:Test{name}-v0", {"lenght": 3})


def test_a_constructor_that_names_no_options_takes_any():
    assert validate("gymnasium:TestOpen-v0", {"size": 3})


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        (
            "Configured",
            {"length": -1},
            "options length = -1 of environment .*: creating it with them failed: ValueError: a",
        ),
        ("Configured", {"length": "x"}, "options length = 'x' .* failed: TypeError"),
        ("Configured", {"max_episode_steps": 0}, "options max_episode_steps = 0 .* failed: ValueError: Expect"),
        ("Open", {"size": -1}, "options size = -1 .* failed: KeyError: 'size'"),
    ],
)
def test_values_that_the_constructor_refuses_are_refused_with_its_words(name, option, message):
    with pytest.raises(ConfigError, match=message):
        validate(f"gymnasium:Test{name}-v0", option)
