"""ProcGen games through procgen's own batch (gym3).

Defaults are the paper's: hard levels, 500 training levels from 0, no action repeat and no frame stack (Irie et al.
2024; Cobbe et al. 2020). The levels of the evaluation are those of the paper's code (IDSIA/rtrl-elstm): 200 for each
set, 1000-1199 for the first, 1200-1399 for the second, and so on. The library ends the process on bad input, so that
everything is checked here first.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from rtrl_bench.envs.batch import Arrays, BatchEnv, Request, StepResult
from rtrl_bench.envs.registry import FAMILIES, Availability, Backend, EnvSpec, Family, register, unfit_option
from rtrl_bench.errors import ConfigError, UnknownName, one_of

GAMES = (
    *("bigfish", "bossfight", "caveflyer", "chaser", "climber", "coinrun", "dodgeball", "fruitbot"),
    *("heist", "jumper", "leaper", "maze", "miner", "ninja", "plunder", "starpilot"),
)
MODES = {
    "easy": GAMES,
    "hard": GAMES,
    "extreme": ("chaser", "dodgeball", "leaper", "starpilot"),
    "memory": ("caveflyer", "dodgeball", "heist", "jumper", "maze", "miner"),
}
LAST_LEVEL = 2**31 - 1  # levels are numbered by 31-bit integers
LIBRARIES = ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0")  # what its shared library links on Linux
OPTIONS = {
    "distribution_mode": "hard",
    "num_levels": 500,
    "start_level": 0,
    "use_backgrounds": True,
    "test_levels": 200,
    "test_start_level": 1000,
}
LAST_TEST_START, MOST_TEST_LEVELS = 10**9, 10**6  # room for a thousand sets


class ProcgenBatch(BatchEnv):
    """A batch of one game. Observations are channel-first views of the simulator's channel-last images.

    A time-out is reported as terminated, as the simulator does not tell it from other ends. Part k of split "test" has
    the `test_levels` levels from test_start_level + k test_levels on, all from test_start_level on if that is 0. With
    num_levels = 0 (all levels) the splits share them.
    """

    can_restore = True

    def __init__(self, spec: EnvSpec, request: Request):
        options = dict(request.options)
        self._test_levels, self._test_start = options.pop("test_levels"), options.pop("test_start_level")
        # One worker thread is slower than none: the caller then waits for it all the same.
        threads = request.threads if request.threads > 1 else 0
        self._settings = {"num": request.num_envs, "env_name": spec.target, "num_threads": threads, **options}
        self._simulator = simulator_class()(rand_seed=0, **self._settings)
        box = gymnasium.spaces.Box(0, 255, (3, 64, 64), np.uint8)
        actions = int(self._simulator.ac_space.eltype.n)
        super().__init__(spec.name, _version(), request, box, actions, rules=request.options)

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        self._simulator.close()  # the simulator takes its seed when it is made, and only then
        seed = int(seeds.generate_state(1)[0] >> 1)
        self._simulator = simulator_class()(rand_seed=seed, **(self._settings | self._levels_of_the_test()))
        _, observations, _ = self._simulator.observe()
        return _channels_first(observations), {}

    def _levels_of_the_test(self) -> dict[str, int]:
        if self._split == "train" or not self._settings["num_levels"]:
            return {}
        start = self._test_start + self._part * self._test_levels
        return {"start_level": start, "num_levels": self._test_levels or LAST_LEVEL - start}

    def _step(self, actions: np.ndarray) -> StepResult:
        self._simulator.act(actions.astype(np.int32))
        # `first` marks the first observation of an episode; the reward beside it is of the last step of the one before.
        rewards, observations, first = self._simulator.observe()
        return _channels_first(observations), rewards, first, np.zeros_like(first), {}

    def _save(self) -> Arrays:
        # The random generators of a slot are in its state; the batch has one only to seed the slots when it is made.
        states = self._simulator.get_state()
        return {f"slot{k}": np.frombuffer(state, np.uint8) for k, state in enumerate(states)}

    def _load(self, arrays: Arrays) -> None:
        self._simulator.observe()  # a threaded simulator may still be drawing its first observations
        self._simulator.set_state([arrays[f"slot{k}"].tobytes() for k in range(self.num_envs)])

    def close_extras(self) -> None:
        """Stop the simulator's threads and free its memory."""
        self._simulator.close()


def _channels_first(observations: dict[str, np.ndarray]) -> np.ndarray:
    return observations["rgb"].transpose(0, 3, 1, 2)


def simulator_class() -> Any:
    """ProcgenGym3Env, imported without the notice that gym (with which procgen only registers) is unmaintained."""
    try:
        from gym_notices import notices

        notices.notices.clear()
    except ImportError:
        pass  # then there is nothing that prints it
    from procgen import ProcgenGym3Env

    return ProcgenGym3Env


def missing_libraries() -> list[str]:
    """The system libraries that ProcGen needs and this machine lacks."""
    missing = []
    for name in LIBRARIES if sys.platform.startswith("linux") else ():
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def _available(spec: EnvSpec) -> Availability:
    if importlib.util.find_spec("procgen") is None:
        fix = "install it: pip install procgen-mirror (Python 3.11 or 3.12)"
        return Availability(False, reason="Python package procgen is missing", fix=fix)
    missing = missing_libraries()
    if missing:
        fix = "install them: apt-get install libgl1 libglib2.0-0 (Debian, Ubuntu)"
        return Availability(False, reason=f"system libraries {', '.join(missing)} are missing", fix=fix)
    return Availability(True, _version())


def _version() -> str:
    for package in ("procgen-mirror", "procgen"):
        try:
            return f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return "procgen"


def _check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    """Refuse what would end the process inside the library."""
    modes = [mode for mode, games in MODES.items() if spec.target in games]
    if options["distribution_mode"] not in modes:
        expected = f"expected one of {', '.join(modes)}"
        raise unfit_option(spec.name, "distribution_mode", options["distribution_mode"], expected)
    limits = {"test_levels": MOST_TEST_LEVELS, "test_start_level": LAST_TEST_START}
    for key in ("num_levels", "start_level", "test_levels", "test_start_level"):
        most = limits.get(key, LAST_LEVEL - 1)
        if not 0 <= options[key] <= most:
            raise unfit_option(spec.name, key, options[key], f"expected an integer in 0..{most}")
    if options["start_level"] and not options["num_levels"]:
        why = "it has no effect with num_levels = 0 (all levels); remove one of them"
        raise unfit_option(spec.name, "start_level", options["start_level"], why)
    end = options["num_levels"] + options["start_level"]
    if end > LAST_TEST_START:
        raise ConfigError(
            f"options start_level + num_levels = {end} of environment {spec.name}: expected at most {LAST_TEST_START}, "
            "so that levels are left for the test"
        )
    if options["test_start_level"] < end:
        why = f"expected at least start_level + num_levels = {end}, so that no level of the test is one of training"
        raise unfit_option(spec.name, "test_start_level", options["test_start_level"], why)


def _spec(name: str, game: str, episode_limit: int | None = None, paper_env_steps: int | None = None) -> EnvSpec:
    return EnvSpec(
        name=name,
        suite="procgen",
        target=game,
        backends=(Backend("procgen", _available, ProcgenBatch),),
        episode_limit=episode_limit,
        paper_env_steps=paper_env_steps,
        options=OPTIONS,
        check=_check,
        source="Cobbe et al. 2020; settings of Irie et al. 2024",
    )


def _resolve(game: str) -> EnvSpec:
    if game not in GAMES:
        raise UnknownName(f"unknown environment 'procgen:{game}': {one_of(game, GAMES, 'procgen:')}")
    return _spec(f"procgen:{game}", game)


register(_spec("chaser", "chaser", episode_limit=1000, paper_env_steps=200_000_000))
FAMILIES.register("procgen")(Family("game", _resolve))
