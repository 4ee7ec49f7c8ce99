"""The vector environment that every suite presents, and what the suites share."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rtrl_bench.errors import EnvironmentFailed
from rtrl_bench.system.foreign import in_words, is_stop
from rtrl_bench.system.output import say

Arrays = dict[str, np.ndarray]
SPLITS = ("train", "test")  # the rules of training, and those of the evaluation
StepResult = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]


@dataclass(frozen=True)
class Request:
    """What is asked of an environment, checked; from `make`, `options` are complete and `threads` is at least 1."""

    num_envs: int
    seed: int | None
    split: str
    options: Mapping[str, Any]
    threads: int = 1


class BatchEnv(VectorEnv):
    """B environments stepped together, with same-step autoreset.

    - Observations: uint8 (B, C, H, W) in 0..255 or float32 (B, D), fresh arrays. Actions: integers (B,) in 0..n-1, or
      (B, K) where they have K > 1 factors; `action_sizes` has the number n of values of each factor.
    - `step` returns (observations, rewards float32 (B,), terminated (B,), truncated (B,), infos). Where an episode
      ends, the reward is that of its last step, and the observation is the first of the next episode. Rewards are
      unclipped.
    - EnvironmentFailed, with the environment's name and if possible the slot's, if the simulator raises, or if an
      observation or reward is not finite or not of the promised form. The batch cannot be used any more then.
    - `infos["game_over"]`, where present: the real end of a game, if that is not terminated | truncated.
    - `infos["final_observations"]`, if any slot is truncated: an array like the observations. A truncated slot's row is
      the last observation of the episode that was cut; other rows have no meaning. See `Backend.truncates`.
    - `reset(seed=k)` starts the stream of seeds that `make(seed=k)` starts; `reset()` takes the stream's next. The
      seeds that reach the simulator come from NumPy's SeedSequence of (seed, split), so that those of different runs,
      splits and slots have nothing in common.
    - `reset(options={"part": k})` begins part k = 0, 1, ... of the test material, where a suite divides it.
    - Simulators run threads, which a fork does not copy: step a batch only in the process that made it.
    """

    can_restore: ClassVar[bool] = False
    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (gymnasium's own type)

    def __init__(
        self,
        name: str,
        backend: str,
        request: Request,
        observation_space: gymnasium.spaces.Box,
        actions: int | Sequence[int],
        rules: Mapping[str, Any] | None = None,
    ):
        num_envs = request.num_envs
        _check_promises(name, num_envs, observation_space, request.split)
        self.spec_name, self.backend, self.num_envs = name, backend, num_envs
        self.metadata = {**self.metadata}
        self.action_sizes = (actions,) if isinstance(actions, int) else tuple(map(int, actions))
        self.single_observation_space = observation_space
        one = len(self.action_sizes) == 1
        self.single_action_space = Discrete(self.action_sizes[0]) if one else MultiDiscrete(list(self.action_sizes))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._observed, self._dtype = (num_envs, *observation_space.shape), observation_space.dtype
        self._split = request.split
        self._rules = {"split": request.split, **(rules or {})}  # a state fits only where these are the same
        self._sizes = np.array(self.action_sizes)
        self._acted = (num_envs,) if one else (num_envs, len(self.action_sizes))
        self._seeds = self._seed_stream(request.seed)
        self._part = 0
        self._ready = False
        self.steps = 0  # completed, since the batch was made
        self._process = os.getpid()

    def _seed_stream(self, seed: int | None) -> np.random.SeedSequence:
        if seed is not None and (not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0):
            raise ValueError(f"seed = {seed!r} of {self.spec_name}: expected an integer >= 0, or None")
        return np.random.SeedSequence(None if seed is None else (seed, SPLITS.index(self._split)))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """First observations of new episodes in every slot.

        options {"part": k}: which set of the evaluation begins; it stays until another is named.
        """
        self._check_alive()
        if unknown := sorted(set(options or {}) - {"part"}):
            raise ValueError(f"reset options {unknown} of {self.spec_name}: expected part or none")
        part = (options or {}).get("part", self._part)
        if not isinstance(part, int | np.integer) or isinstance(part, bool) or part < 0:
            raise ValueError(f"part = {part!r} of {self.spec_name}: expected an integer >= 0")
        self._part = int(part)
        if seed is not None:
            self._seeds = self._seed_stream(seed)
        observations, infos = self._simulate(self._reset, self._seeds.spawn(1)[0])
        self._ready = True
        return observations, infos

    def step(self, actions: np.ndarray) -> StepResult:
        """One step in every slot; ValueError for what is no action (simulators hang on it, or take it silently)."""
        self._check_alive()
        if not self._ready:
            raise gymnasium.error.ResetNeeded(f"{self.spec_name}: call reset() before step()")
        actions = np.asarray(actions)
        self._check_actions(actions)
        observations, rewards, terminated, truncated, infos = self._simulate(self._step, actions)
        self._check("rewards", rewards, (self.num_envs,), np.float32)
        terminated, truncated = self._mask("terminated", terminated), self._mask("truncated", truncated)
        if "game_over" in infos:
            infos = {**infos, "game_over": self._mask("game_over", infos["game_over"])}
        if truncated.any() and "final_observations" in infos:
            self._check("last observations", infos["final_observations"], self._observed, self._dtype)
        self.steps += 1
        return observations, rewards, terminated, truncated, infos

    def close(self, **more: Any) -> None:
        """End the simulator. One that fails at its own end takes nothing back: it is named on stderr."""
        try:
            super().close(**more)
        except BaseException as error:
            if is_stop(error):
                raise
            self.closed = True
            say(f"warning: {self.spec_name} failed to close: {in_words(error)}")

    def _check_actions(self, actions: np.ndarray) -> None:
        if actions.shape != self._acted or actions.dtype.kind not in "iu":
            found = f"{actions.dtype} {actions.shape}"
            raise ValueError(f"actions of {self.spec_name}: expected integers of shape {self._acted}, not {found}")
        bad = (actions < 0) | (actions >= self._sizes)
        if bad.any():
            slot = int(np.argmax(bad.reshape(self.num_envs, -1).any(axis=1)))
            expected = " x ".join(f"0..{size - 1}" for size in self.action_sizes)
            raise ValueError(f"action {actions[slot]} in slot {slot} of {self.spec_name}: expected {expected}")

    def _simulate(self, call: Callable[[Any], Any], argument: Any) -> Any:
        """What `call` returns, observations first; EnvironmentFailed for what it raises, and for bad observations."""
        try:
            result = call(argument)
        except EnvironmentFailed:
            raise
        except BaseException as error:
            if is_stop(error):
                raise
            raise EnvironmentFailed(f"{self.spec_name} failed: {in_words(error)}") from error
        self._check("observations", result[0], self._observed, self._dtype)
        return result

    def _check(self, what: str, found: np.ndarray, shape: tuple[int, ...], dtype: Any) -> None:
        """EnvironmentFailed for an array on which a learner would break or, worse, from which it would learn."""
        problem = ""
        if found.shape != shape or found.dtype != dtype:
            problem = f"{found.dtype} {found.shape}, expected {np.dtype(dtype)} {shape}"
        elif found.dtype.kind == "f" and not np.isfinite(found).all():
            slot = int(np.argmin(np.isfinite(found).reshape(self.num_envs, -1).all(axis=1)))
            problem = f"{found[slot]} in slot {slot}, expected finite numbers"
        if problem:
            raise EnvironmentFailed(f"{self.spec_name} returned {what} {problem}")

    def _mask(self, what: str, found: Any) -> np.ndarray:
        """The flags (B,) as bool, of which alone ~ is the negation; EnvironmentFailed for what is neither 0 nor 1."""
        flags = np.asarray(found)
        fits = flags.dtype.kind in "biu" and flags.shape == (self.num_envs,)
        if fits and flags.dtype == bool:
            return flags
        if not fits or ((flags != 0) & (flags != 1)).any():  # np.isin takes as long as a step of a cheap environment
            seen = f"{flags.dtype} {flags.shape} {flags.tolist()}"
            raise EnvironmentFailed(f"{self.spec_name} returned {what} {seen}, expected bool ({self.num_envs},)")
        return flags.astype(bool)

    def get_state(self) -> bytes:
        """Everything that decides what comes next, random generators included; RuntimeError unless `can_restore`."""
        self._check_alive()
        header = {**self._identity(), "seeds": self._seeds.state, "ready": self._ready, "part": self._part}
        return pack(header, self._save())

    def set_state(self, state: bytes) -> None:
        """Continue exactly from what `get_state` of an equal batch returned; ValueError for any other bytes."""
        self._check_alive()
        header, arrays = unpack(state)
        expected = self._identity()
        for key, value in expected.items():
            if header.get(key) != value:
                raise ValueError(f"state of another environment: {key} = {header.get(key)!r}, expected {value!r}")
        self._load(arrays)
        self._seeds = np.random.SeedSequence(**header["seeds"])
        self._ready = header["ready"]
        self._part = header["part"]

    def _identity(self) -> dict[str, Any]:
        return {"environment": self.spec_name, "backend": self.backend, "num_envs": self.num_envs, "rules": self._rules}

    def _check_alive(self) -> None:
        if self.closed:
            raise gymnasium.error.ClosedEnvironmentError(f"{self.spec_name} was closed: make a new one")
        if self._process != os.getpid():
            raise RuntimeError(f"{self.spec_name} was made before a fork: make it in the process that steps it")

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        raise TypeError(f"{type(self).__name__} must define _reset")

    def _step(self, actions: np.ndarray) -> StepResult:
        raise TypeError(f"{type(self).__name__} must define _step")

    def _save(self) -> Arrays:
        """The simulator's state as arrays (where `can_restore`)."""
        raise RuntimeError(f"{self.backend} cannot save the state of {self.spec_name}")

    def _load(self, arrays: Arrays) -> None:
        """Take over what `_save` returned (where `can_restore`)."""
        raise RuntimeError(f"{self.backend} cannot restore the state of {self.spec_name}")


def _check_promises(name: str, num_envs: Any, space: gymnasium.spaces.Box, split: str) -> None:
    """ValueError for what no batch may be: the stems divide by 255 whatever an image's own bounds are."""
    if type(num_envs) is not int or num_envs < 1:
        raise ValueError(f"num_envs = {num_envs!r} of {name}: expected an integer >= 1")
    if split not in SPLITS:
        raise ValueError(f"split = {split!r} of {name}: expected one of {', '.join(SPLITS)}")
    if (space.dtype, len(space.shape)) not in ((np.uint8, 3), (np.float32, 1)):
        raise ValueError(f"observations {space} of {name}: expected uint8 (C, H, W) or float32 (D,)")
    if space.dtype == np.uint8 and not ((space.low == 0).all() and (space.high == 255).all()):
        raise ValueError(f"observations {space} of {name}: expected images in 0..255; scale them by their bounds")


def pack(header: dict[str, Any], arrays: Arrays) -> bytes:
    """A header (JSON) and arrays (no objects) as bytes with a checksum."""
    buffer = io.BytesIO()
    np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    data = buffer.getvalue()
    return zlib.crc32(data).to_bytes(4, "big") + data


def unpack(state: bytes) -> tuple[dict[str, Any], Arrays]:
    """What `pack` packed; ValueError when the bytes are damaged or no environment state."""
    data = state[4:]
    if zlib.crc32(data).to_bytes(4, "big") != state[:4]:
        raise ValueError(f"environment state of {len(state)} bytes is damaged: its checksum does not fit")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = dict(file)
        return json.loads(arrays.pop("header").tobytes()), arrays
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"not an environment state: {error}") from error
