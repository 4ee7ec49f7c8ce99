"""Any registered Gymnasium id with image or vector observations and discrete actions, as `gymnasium:<id>`.

Images (uint8, channel last or without channels) become channel-first, vectors float32, discrete observations one-hot.
The environments are stepped one after the other in this process.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rtrl_bench.envs.batch import BatchEnv, StepResult
from rtrl_bench.envs.registry import FAMILIES, Availability, Backend, EnvSpec, Family, Request, did_you_mean
from rtrl_bench.errors import ConfigError, UnknownName
from rtrl_bench.foreign import in_words, is_stop


class GymnasiumBatch(BatchEnv):
    """Copies of one Gymnasium environment. Gymnasium knows no way to save their state."""

    def __init__(self, spec: EnvSpec, request: Request):
        def one() -> gymnasium.Env:
            return as_box(gymnasium.make(spec.target, disable_env_checker=True), spec.name)

        self._envs = SyncVectorEnv([one] * request.num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
        actions = self._envs.single_action_space
        box = self._envs.single_observation_space
        assert isinstance(actions, spaces.Discrete)
        assert isinstance(box, spaces.Box)
        super().__init__(
            spec.name, _version(), request.num_envs, box, int(actions.n), seed=request.seed, split=request.split
        )
        self._first_action = actions.start

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        slots = seeds.generate_state(self.num_envs) >> 1
        observations, _ = self._envs.reset(seed=[int(seed) for seed in slots])
        return observations, {}

    def _step(self, actions: np.ndarray) -> StepResult:
        result = self._envs.step(actions + self._first_action)
        observations, rewards, terminated, truncated, _ = result
        return observations, rewards.astype(np.float32), terminated.astype(bool), truncated.astype(bool), {}

    def close_extras(self) -> None:
        """Close every environment."""
        self._envs.close()


def as_box(env: gymnasium.Env, name: str) -> gymnasium.Env:
    """The environment with observations as `BatchEnv` wants them; ConfigError where that cannot be."""
    space = env.observation_space
    if not isinstance(env.action_space, spaces.Discrete):
        raise ConfigError(
            f"environment {name} has the actions {env.action_space}: expected discrete actions; use another environment"
        )
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        env = gymnasium.wrappers.FlattenObservation(env)  # one-hot
    elif isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) in (2, 3):
        return _channels_first(env, space)
    elif not (isinstance(space, spaces.Box) and len(space.shape) == 1):
        raise ConfigError(
            f"environment {name} has the observations {space}: "
            "expected an image (uint8, 2 or 3 dimensions), a vector or a discrete space; use another environment"
        )
    flat = env.observation_space
    assert isinstance(flat, spaces.Box)
    box = spaces.Box(flat.low.astype(np.float32), flat.high.astype(np.float32), dtype=np.float32)
    return gymnasium.wrappers.TransformObservation(env, lambda x: np.asarray(x, np.float32), box)


def _channels_first(env: gymnasium.Env, space: spaces.Box) -> gymnasium.Env:
    """Images as (C, H, W); one without channels gets C = 1, and a channel-first one stays."""
    if len(space.shape) == 2:
        box = spaces.Box(0, 255, (1, *space.shape), np.uint8)
        return gymnasium.wrappers.TransformObservation(env, lambda x: x[None], box)
    if space.shape[0] < min(space.shape[1:]):
        return env
    height, width, channels = space.shape
    box = spaces.Box(0, 255, (channels, height, width), np.uint8)
    return gymnasium.wrappers.TransformObservation(env, lambda x: np.moveaxis(x, 2, 0), box)


@functools.cache
def _problem(target: str, name: str) -> ConfigError | str:
    """Make one and drop it: the ConfigError of spaces that do not fit, what else kept it from being made, or ''."""
    try:
        as_box(gymnasium.make(target, disable_env_checker=True), name).close()
    except ConfigError as error:
        return error
    except BaseException as error:  # a constructor may raise anything
        if is_stop(error):
            raise
        return in_words(error)
    return ""


def _available(spec: EnvSpec) -> Availability:
    problem = _problem(spec.target, spec.name)
    if not problem:
        return Availability(True, _version())
    if isinstance(problem, ConfigError):
        return Availability(False, reason=str(problem), fix="`python -m rtrl_bench list` shows those that there are")
    return Availability(False, reason=f"making one ended in {problem}", fix="mend what it names, or use another id")


def _check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    problem = _problem(spec.target, spec.name)
    if isinstance(problem, ConfigError):
        raise problem


def _version() -> str:
    return f"gymnasium {importlib.metadata.version('gymnasium')}"


def _resolve(target: str) -> EnvSpec:
    module, _, identifier = target.rpartition(":")
    unknown = f"unknown environment 'gymnasium:{target}'"
    try:
        if module:
            importlib.import_module(module)  # `module:id` of gymnasium.make: importing it registers the id
    except BaseException as error:  # a module may raise anything
        if is_stop(error):
            raise
        expected = f"expected {module!r} to be a module that can be imported"
        raise UnknownName(f"{unknown}: {expected}, not {in_words(error)}; install it or correct the name") from error
    try:
        found = gymnasium.spec(identifier)
    except gymnasium.error.Error as error:
        hint = did_you_mean(identifier, gymnasium.registry, f"gymnasium:{module}:" if module else "gymnasium:")
        raise UnknownName(
            f"{unknown}: expected an id of gymnasium.envs.registration.registry (gymnasium.pprint_registry() shows "
            f"them), or gymnasium:<module>:<id> where importing a module registers it{hint}"
        ) from error
    return EnvSpec(
        name=f"gymnasium:{target}",
        suite="gymnasium",
        target=identifier,
        backends=(Backend("gymnasium", _available, GymnasiumBatch),),
        episode_limit=found.max_episode_steps,
        check=_check,
        source="https://gymnasium.farama.org",
    )


FAMILIES.register("gymnasium")(Family("id", _resolve))
