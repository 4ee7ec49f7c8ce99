"""Any registered Gymnasium id as `gymnasium:<id>`, or `gymnasium:<module>:<id>` where importing a module registers it.

What observations and actions become is told in `gymnasium_spaces.py`. The environments are stepped one after the other
in this process. Options are those of the environment's constructor, `max_episode_steps` of `gymnasium.make`, and:

- `observation_keys`: the parts of a Dict that are seen;
- `image_layout`: channels_first, channels_last or flat (no image), where the space leaves it open or says otherwise.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as GymnasiumSpec
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rtrl_bench.envs import gymnasium_packages
from rtrl_bench.envs.batch import BatchEnv, Request, StepResult
from rtrl_bench.envs.gymnasium_packages import NotImportable
from rtrl_bench.envs.gymnasium_spaces import adapt
from rtrl_bench.envs.registry import FAMILIES, Availability, Backend, EnvSpec, Family
from rtrl_bench.errors import ConfigError, one_of
from rtrl_bench.system.foreign import in_words, is_stop

VIEW = ("observation_keys", "image_layout")  # options of ours; all others are Gymnasium's and the environment's


class GymnasiumBatch(BatchEnv):
    """Copies of one Gymnasium environment. Gymnasium knows no way to save their state."""

    def __init__(self, spec: EnvSpec, request: Request):
        def one() -> gymnasium.Env:
            return _make_one(spec.target, spec.name, request.options)

        self._envs = SyncVectorEnv([one] * request.num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
        box, actions = cast(spaces.Box, self._envs.single_observation_space), self._envs.single_action_space
        sizes = [actions.n] if isinstance(actions, spaces.Discrete) else cast(Any, actions).nvec.tolist()
        super().__init__(spec.name, _version(), request, box, sizes)

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        slots = seeds.generate_state(self.num_envs) >> 1
        observations, _ = self._envs.reset(seed=[int(seed) for seed in slots])
        return observations, {}

    def _step(self, actions: np.ndarray) -> StepResult:
        observations, rewards, terminated, truncated, infos = self._envs.step(actions)
        cut = {"final_observations": _last(infos["final_obs"], observations)} if truncated.any() else {}
        return observations, rewards.astype(np.float32), terminated.astype(bool), truncated.astype(bool), cut

    def close_extras(self) -> None:
        """Close every environment."""
        self._envs.close()


def _last(final: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """The last observations of episodes that ended, `final`, None in other slots; there the present ones."""
    found = observations.copy()
    for slot, last in enumerate(final):
        if last is not None:
            found[slot] = last
    return found


def _shared_out(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of ours, and those of the environment."""
    ours = {key: value for key, value in options.items() if key in VIEW}
    return ours, {key: value for key, value in options.items() if key not in VIEW}


def _make_one(target: str, name: str, options: Mapping[str, Any]) -> gymnasium.Env:
    ours, its = _shared_out(options)
    return adapt(gymnasium.make(target, disable_env_checker=True, **its), name, **ours)


def _accepted(found: GymnasiumSpec) -> tuple[set[str], bool]:
    """The names of the constructor's arguments, and whether it takes further ones that no signature tells."""
    names, more = {"max_episode_steps", *found.kwargs}, False
    try:
        creator: Any = load_env_creator(found.entry_point) if isinstance(found.entry_point, str) else found.entry_point
        own = (place for place in inspect.getmro(creator)[:-1] if "__init__" in vars(place))
        for place in own if isinstance(creator, type) else [creator]:  # what takes **kwargs hands them to its base
            parameters = inspect.signature(place).parameters.values()
            names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            more = any(p.kind == p.VAR_KEYWORD for p in parameters)
            if not more:
                break
        return names, more
    except BaseException as error:  # what makes it unavailable: `_problem` says what
        if is_stop(error):
            raise
        return names, True


_problems: dict[tuple[str, str], ConfigError | str] = {}


def _problem(spec: EnvSpec, options: Mapping[str, Any]) -> ConfigError | str:
    """Make one and drop it: the ConfigError of spaces that do not fit, what else kept it from being made, or ''."""
    key = spec.name, repr(sorted(options.items()))
    if key not in _problems:
        try:
            _make_one(spec.target, spec.name, options).close()
            _problems[key] = ""
        except ConfigError as error:
            _problems[key] = error
        except BaseException as error:  # a constructor may raise anything
            if is_stop(error):
                raise
            _problems[key] = in_words(error)
    return _problems[key]


def _available(spec: EnvSpec) -> Availability:
    problem = _problem(spec, spec.options)
    if not problem:
        return Availability(True, _version())
    if isinstance(problem, ConfigError):
        return Availability(False, reason=str(problem), fix="`python -m rtrl_bench list` shows those that there are")
    return Availability(False, reason=f"making one ended in {problem}", fix="mend what it names, or use another id")


def _check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    """Refuse options that the constructor does not take, or does not bear, and spaces that do not fit."""
    names, more = _accepted(gymnasium.spec(spec.target))
    known = sorted({*names, *VIEW})
    for key in options:
        if key not in known and not more:
            raise ConfigError(f"unknown option {key!r} of environment {spec.name}: {one_of(key, known)}")
    problem = _problem(spec, options)
    if isinstance(problem, ConfigError):
        raise problem
    ours, its = _shared_out(options)
    if problem and its and (isinstance(without := _problem(spec, ours), ConfigError) or not without):
        given = ", ".join(f"{key} = {value!r}" for key, value in its.items())
        raise ConfigError(f"options {given} of environment {spec.name}: creating it with them failed: {problem}")


def _limit(found: GymnasiumSpec, options: Mapping[str, Any]) -> int | None:
    asked = options.get("max_episode_steps")
    if asked is None:
        return found.max_episode_steps
    return None if asked == -1 else int(asked)  # gymnasium.make: no limit


def _version() -> str:
    return f"gymnasium {importlib.metadata.version('gymnasium')}"


def _resolve(target: str) -> EnvSpec:
    name = f"gymnasium:{target}"
    try:
        found = gymnasium_packages.find(target)
    except NotImportable as error:
        lacking = Availability(False, reason=str(error), fix=error.fix)
        absent = Backend("gymnasium", lambda spec: lacking, GymnasiumBatch, truncates=True)
        return EnvSpec(name=name, suite="gymnasium", target=target, backends=(absent,), own_options=True)
    packages = gymnasium_packages.distributions(target, found)
    return EnvSpec(
        name=name,
        suite="gymnasium",
        target=found.id,
        backends=(Backend("gymnasium", _available, GymnasiumBatch, packages=packages, truncates=True),),
        episode_limit=found.max_episode_steps,
        limit_of=lambda options: _limit(found, options),
        own_options=True,
        check=_check,
        source="https://gymnasium.farama.org",
    )


FAMILIES.register("gymnasium")(Family("id", _resolve))
