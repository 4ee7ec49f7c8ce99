"""The levels as Gymnasium environments: one alone, or a batch that is stepped together.

Observations are uint8 (72, 96, 3), as the player sees them; the nine actions are those of `dmlab_levels.ACTIONS`, each
held for 4 frames. Episodes end with their level's time, which the picture shows, or at the puzzle's goal: `terminated`
says so, and they are never truncated. Seeding follows Gymnasium: seed s starts the episodes of s in a single
environment, and those of s, s + 1, ... in the slots of a batch; a reset without a seed goes on to the next of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rtrl_bench.errors import ConfigError, UnknownName
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, ACTIONS, FRAMES_PER_SECOND, IMAGE_SHAPE, LEVEL_SECONDS
from rtrl_bench.rooms.simulator import Simulator

RENDERING = {"render_modes": ["rgb_array"], "render_fps": FRAMES_PER_SECOND // ACTION_REPEAT}
SEEDS = 2**63
_CHANNELS, _HEIGHT, _WIDTH = IMAGE_SHAPE


class RoomsEnv(gymnasium.Env):
    """One environment of `level`. `hud`: show time, score, ammunition and health, as the engine does."""

    metadata: dict[str, Any] = RENDERING

    def __init__(self, level: str, hud: bool = True, render_mode: str | None = None):
        self._batch = RoomsVectorEnv(level, hud=hud, render_mode=render_mode)
        self.render_mode = render_mode
        self.observation_space, self.action_space = _spaces()
        self._image: np.ndarray | None = None  # what is seen; None before the first reset and after close
        self._next: np.ndarray | None = None  # the first image of the next episode, where one has ended

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """The first image (72, 96, 3) of an episode. There are no options."""
        super().reset(seed=seed)
        if self._next is None or seed is not None or options:
            self._next = self._batch.reset(seed=seed, options=options)[0][0]
        self._image, self._next = self._next, None
        return self._image, {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Image (72, 96, 3), reward, terminated, truncated (never) and infos (none) of a step of 4 frames."""
        if self._image is None or self._next is not None:
            raise gymnasium.error.ResetNeeded("call reset() before step(), at the start and after an episode's end")
        images, rewards, ended, _, infos = self._batch.step([action])
        self._image, self._next = (infos["final_obs"][0], images[0]) if ended[0] else (images[0], None)
        return self._image, float(rewards[0]), bool(ended[0]), False, {}

    def render(self) -> np.ndarray | None:
        """What the player sees, uint8 (72, 96, 3), in render mode `rgb_array`."""
        return self._image if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """End it: what comes next would need a reset."""
        self._batch.close()
        self._image = self._next = None


class RoomsVectorEnv(VectorEnv):
    """`num_envs` environments of `level` stepped together by `threads` threads, each beginning its next episode itself.

    Where an episode ended, the image is already the next one's first, and infos["final_obs"] and infos["final_info"]
    hold the last ones of the episode (Gymnasium's AutoresetMode.SAME_STEP). `hud` as in `RoomsEnv`. Results do not
    depend on the number of threads.
    """

    metadata: dict[str, Any] = {**RENDERING, "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (gymnasium's)

    def __init__(
        self, level: str, num_envs: int = 1, hud: bool = True, threads: int = 1, render_mode: str | None = None
    ):
        self._simulator = _simulator(level, num_envs, hud, threads, render_mode)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.single_observation_space, self.single_action_space = _spaces()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._images: np.ndarray | None = None

    @property
    def slots(self) -> np.ndarray:
        """The whole state, a record of `state.SLOT` per environment; writing to it changes what comes next."""
        return self._simulator.slots

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The first images (B, 72, 96, 3) of episodes. There are no options. `seed`: see above, or one per slot."""
        if options:
            raise ValueError(f"reset options {sorted(options)}: expected none")
        several = isinstance(seed, Sequence | np.ndarray)
        super().reset(seed=None if several else seed)  # type: ignore[arg-type]
        if seed is None and self._images is not None:
            images = self._simulator.next_episodes()
        else:
            wanted = _one_each(seed, self.num_envs)
            images = self._simulator.reset(_seeds(wanted, self.np_random))
        self._images = _channels_last(images)
        return self._images, {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Images (B, 72, 96, 3), rewards, terminated, truncated (never), all (B,), and infos of a step of 4 frames."""
        if self._images is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        last = np.empty((self.num_envs, *IMAGE_SHAPE), np.uint8)
        checked = _actions(actions, self.num_envs)
        images, rewards, ended = self._simulator.step(checked, last)
        self._images = _channels_last(images)
        infos: dict[str, Any] = {}
        for k in np.flatnonzero(ended):
            infos = self._add_info(infos, {"final_obs": _channels_last(last)[k], "final_info": {}}, int(k))
        return self._images, rewards, ended, np.zeros_like(ended), infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """What the players see, uint8 (72, 96, 3) each, in render mode `rgb_array`."""
        return None if self.render_mode != "rgb_array" or self._images is None else tuple(self._images)

    def close_extras(self, **more: Any) -> None:
        """Stop the threads: what comes next would need a reset."""
        self._simulator.close()
        self._images = None


def _simulator(level: Any, num_envs: Any, hud: Any, threads: Any, render_mode: Any) -> Simulator:
    """A simulator with these options; UnknownName or ConfigError for one that is none."""
    if level not in LEVEL_SECONDS:
        raise UnknownName(f"unknown level {level!r}: expected one of {', '.join(LEVEL_SECONDS)}")
    for key, value in (("num_envs", num_envs), ("threads", threads)):
        if type(value) is not int or value < 1:
            raise ConfigError(f"{key} = {value!r} of {level}: expected an integer >= 1")
    if type(hud) is not bool:
        raise ConfigError(f"hud = {hud!r} of {level}: expected true or false")
    if render_mode not in (None, *RENDERING["render_modes"]):  # type: ignore[misc]
        raise ConfigError(f"render_mode = {render_mode!r} of {level}: expected 'rgb_array' or None")
    return Simulator(level, num_envs, hud=hud, threads=threads)


def _spaces() -> tuple[Box, Discrete]:
    return Box(0, 255, (_HEIGHT, _WIDTH, _CHANNELS), np.uint8), Discrete(len(ACTIONS))


def _channels_last(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 2, 3, 1)


def _one_each(seed: Any, count: int) -> list[int | None]:
    """A slot's seed each: consecutive ones from one, or those given."""
    if seed is None or isinstance(seed, int | np.integer):
        return [None if seed is None else int(seed) + k for k in range(count)]
    if len(seed) != count:
        raise ValueError(f"{len(seed)} seeds for {count} environments: expected one for each")
    return list(seed)


def _seeds(wanted: Sequence[int | None], random: np.random.Generator) -> np.ndarray:
    """The simulator's seeds, uint64 (B,); where None is wanted any, from `random`."""
    for seed in wanted:
        if seed is not None and not (isinstance(seed, int | np.integer) and 0 <= seed < SEEDS):
            raise ValueError(f"seed = {seed!r}: expected an integer in 0..2**63 - 1, or None")
    drawn = random.integers(SEEDS, size=len(wanted))
    return np.array([drawn[k] if seed is None else seed for k, seed in enumerate(wanted)], np.uint64)


def _actions(actions: Any, count: int) -> np.ndarray:
    """The actions as int64 (count,); ValueError for others: the compiled code would read what is not there."""
    found = np.asarray(actions)
    if found.shape != (count,) or found.dtype.kind not in "iu" or not ((0 <= found) & (found < len(ACTIONS))).all():
        raise ValueError(f"actions {actions!r}: expected {count} integers in 0..{len(ACTIONS) - 1}")
    return found.astype(np.int64)
