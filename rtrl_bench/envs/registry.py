"""Which environments exist, and how to make a batch of one. Importing this imports no simulator.

A suite is one module of this package: it describes its environments as `EnvSpec`s, registers them, and imports its
simulator inside the functions of its `Backend`. Adding an environment is adding an entry there, or a new module.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtrl_bench.envs.batch import SPLITS, BatchEnv, Request
from rtrl_bench.errors import ConfigError, EnvironmentFailed, EnvironmentUnavailable, UnknownName, one_of
from rtrl_bench.registry import Registry
from rtrl_bench.system.foreign import in_words, is_stop
from rtrl_bench.system.machine import usable_cores
from rtrl_bench.system.output import say


@dataclass(frozen=True)
class Availability:
    """Whether an environment runs on this machine; if not, what is missing and how to get it.

    broken: it is installed and does not work; a warning says so if another backend runs in its place.
    """

    ok: bool
    backend: str = ""  # with its version, e.g. "ale-py 0.12.1"
    reason: str = ""
    fix: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Backend:
    """One way to run an environment. `available` is cheap, imports no simulator and raises nothing.

    process_per_slot: every slot of a batch is a process of its own, so that slots are dear.
    packages: those that its numbers depend on, beside the simulator itself; runs record their versions.
    truncates: it tells a time limit from an end, and gives the last observation (`BatchEnv`).
    """

    name: str
    available: Callable[[EnvSpec], Availability]
    make: Callable[[EnvSpec, Request], BatchEnv]
    process_per_slot: bool = False
    packages: tuple[str, ...] = ()
    truncates: bool = False


def _accept(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    """No rule beyond the names and types of the options."""


@dataclass(frozen=True)
class EnvSpec:
    """What is known of an environment without its simulator.

    target: the simulator's own name of it.
    backends: at least one, in order of preference.
    frames_per_step: simulator frames of an agent step.
    episode_limit: agent steps of the longest episode; `limit_of(options)` if it depends on the options.
    paper_env_steps: the paper's budget, in agent steps.
    options: every option with its default, and after `validate` with its value.
    own_options: `options` does not list them all: only the simulator knows them, and `check` asks it.
    check: raises ConfigError for values of options that cannot be run.
    """

    name: str
    suite: str
    target: str
    backends: tuple[Backend, ...]
    frames_per_step: int = 1
    episode_limit: int | None = None
    limit_of: Callable[[Mapping[str, Any]], int | None] | None = None
    paper_env_steps: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    own_options: bool = False
    check: Callable[[EnvSpec, Mapping[str, Any]], None] = _accept
    source: str = ""

    @property
    def random_play_unknown(self) -> bool:
        """Whether evaluations play at random too: the paper's environments and memory tasks need no such set."""
        return self.paper_env_steps is None and self.suite != "memory"


@dataclass(frozen=True)
class Family:
    """Environments too many to register: `resolve(target)` is the spec of `<family>:<target>`, or UnknownName."""

    placeholder: str
    resolve: Callable[[str], EnvSpec]


ENVIRONMENTS: Registry[EnvSpec] = Registry("environment", "rtrl_bench.envs")
FAMILIES: Registry[Family] = Registry("environment family", "rtrl_bench.envs")


def register(spec: EnvSpec) -> None:
    """Make `spec` available under its name."""
    ENVIRONMENTS.register(spec.name)(spec)


def families() -> list[str]:
    """The forms of name that stand for many environments, e.g. `atari:<rom>`."""
    return [f"{name}:<{FAMILIES[name].placeholder}>" for name in FAMILIES]


def spec(name: str) -> EnvSpec:
    """The description of environment `name`; UnknownName lists what exists and the closest match."""
    family, colon, target = str(name).partition(":")
    try:
        return FAMILIES[family].resolve(target) if colon else ENVIRONMENTS[name]
    except UnknownName as error:
        if colon:
            raise
        raise UnknownName(f"{error}; or {', '.join(families())}") from error


def validate(name: str, options: Mapping[str, Any] | None = None, backend: str = "auto") -> EnvSpec:
    """The description of environment `name` with these options.

    Raises UnknownName for the name, ConfigError for an option, a value or a backend.
    """
    found = spec(name)
    complete = complete_options(found, options)
    limit = found.limit_of(complete) if found.limit_of else found.episode_limit
    found = replace(found, options=complete, episode_limit=limit)
    _candidates(found, backend)
    return found


def complete_options(found: EnvSpec, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The environment's options with those given on top of the defaults, checked (ConfigError)."""
    given = dict(options or {})
    if not found.own_options:
        given = {key: _option(found, key, value) for key, value in given.items()}
    complete = {**found.options, **given}
    found.check(found, complete)
    return complete


def _option(found: EnvSpec, key: str, value: Any) -> Any:
    """A value of the type that the option's default has; numbers may be whole floats or NumPy's."""
    if key not in found.options:
        expected = one_of(key, found.options) if found.options else "it has no options"
        raise ConfigError(f"unknown option {key!r} of environment {found.name}: {expected}")
    kind = type(found.options[key])
    if type(value) is kind:
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if kind is float:
            return float(value)
        if kind is int and float(value).is_integer():
            return int(float(value))
    raise unfit_option(found.name, key, value, f"expected {_KINDS[kind]}")


def unfit_option(name: str, key: str, value: Any, expected: str) -> ConfigError:
    """The refusal of an option's value of the environment called `name`; `expected` says what could be there."""
    return ConfigError(f"option {key} = {value!r} of environment {name}: {expected}")


_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "text"}


def check_available(name: str, backend: str = "auto", options: Mapping[str, Any] | None = None) -> Availability:
    """Whether environment `name` can run here, and if not what is missing; quick, and raises nothing."""
    try:
        return _choose(validate(name, options, backend), backend)[1]
    except ConfigError as error:
        return Availability(False, reason=str(error), fix="correct the name; `python -m rtrl_bench list` shows them")


def chosen_backend(name: str, backend: str = "auto", options: Mapping[str, Any] | None = None) -> Backend:
    """The backend that `make` takes for environment `name`; UnknownName or ConfigError as there."""
    return _choose(validate(name, options, backend), backend)[0]


def make(
    name: str,
    num_envs: int,
    *,
    seed: int,
    split: str = "train",
    options: Mapping[str, Any] | None = None,
    backend: str = "auto",
    threads: int = 0,
) -> BatchEnv:
    """`num_envs` environments called `name` as one vector environment (see `batch.BatchEnv` for its rules).

    `split`: "train" for the training rules, "test" for those of the evaluation (held-out levels or seeds).
    `threads`: of the simulator, 0 for all cores that the process may use; results do not depend on it.
    Raises UnknownName, ConfigError (options, backend, numbers) or EnvironmentUnavailable; EnvironmentFailed if its
    simulator raises.
    """
    found = validate(name, options, backend)
    for key, value, low in (("num_envs", num_envs, 1), ("seed", seed, 0), ("threads", threads, 0)):
        if type(value) is not int or value < low:
            raise ConfigError(f"{key} = {value!r} of environment {name}: expected an integer >= {low}")
    if split not in SPLITS:
        raise ConfigError(f"split = {split!r} of environment {name}: expected one of {', '.join(SPLITS)}")
    chosen, available = _choose(found, backend)
    if not available.ok:
        raise EnvironmentUnavailable(f"environment {name} cannot run here: {available.reason}; {available.fix}")
    for passed in found.backends[: found.backends.index(chosen)] if backend == "auto" else ():
        lacking = passed.available(found)
        if lacking.broken:
            say(f"warning: {name} runs in {available.backend}: {lacking.reason}; {lacking.fix}")
    request = Request(num_envs, seed, split, found.options, threads or usable_cores())
    try:
        return chosen.make(found, request)
    except (ConfigError, EnvironmentUnavailable, EnvironmentFailed):
        raise
    except BaseException as error:
        if is_stop(error):
            raise
        raise EnvironmentFailed(f"{name} cannot be made: {in_words(error)}") from error


def _candidates(found: EnvSpec, backend: str) -> tuple[Backend, ...]:
    """The backends that `backend` allows, in order of preference."""
    chosen = tuple(b for b in found.backends if backend in ("auto", b.name))
    if backend != "auto" and not chosen:
        names = ", ".join(["auto", *(b.name for b in found.backends)])
        raise ConfigError(f"backend = {backend!r} of environment {found.name}: expected one of {names}")
    return chosen


def _choose(found: EnvSpec, backend: str) -> tuple[Backend, Availability]:
    """The first allowed backend that runs here, or else the first with what all of them lack."""
    tried = [(b, b.available(found)) for b in _candidates(found, backend)]
    for candidate, available in tried:
        if available.ok:
            return candidate, available
    reasons = "; ".join(available.reason for _, available in tried)
    fixes = "; or ".join(available.fix for _, available in tried)
    return tried[0][0], Availability(False, reason=reasons, fix=fixes)
