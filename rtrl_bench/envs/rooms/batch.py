"""The embedded levels as a vector environment: slots advanced and drawn by a pool of threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium
import numpy as np

from rtrl_bench import __version__
from rtrl_bench.envs.batch import Arrays, BatchEnv, StepResult
from rtrl_bench.envs.dmlab_levels import ACTION_REPEAT, FRAMES_PER_SECOND, IMAGE_SHAPE, LEVEL_SECONDS
from rtrl_bench.envs.registry import EnvSpec, Request
from rtrl_bench.envs.rooms import levels, physics, render
from rtrl_bench.envs.rooms.state import SLOT


class RoomsBatch(BatchEnv):
    """B slots of one level. A slot's episodes follow from its seed alone, whatever the number of slots or threads.

    Training and test differ in their seeds only, as in the engine.
    """

    can_restore = True

    def __init__(self, spec: EnvSpec, request: Request):
        super().__init__(
            spec.name,
            f"rooms {__version__}",
            request.num_envs,
            gymnasium.spaces.Box(0, 255, IMAGE_SHAPE, np.uint8),
            len(physics.ACTIONS),
            seed=request.seed,
            split=request.split,
        )
        self.level = levels.LEVELS[spec.name]
        self.slots = np.zeros(request.num_envs, SLOT)
        self._last_frame = LEVEL_SECONDS[spec.name] * FRAMES_PER_SECOND
        self._scene = render.scene(spec.name, request.options["hud"])
        workers = min(request.threads, request.num_envs)
        edges = np.linspace(0, request.num_envs, workers + 1).astype(int).tolist()
        self._shares = list(itertools.pairwise(edges))
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        self.slots = np.zeros(self.num_envs, SLOT)
        self.slots["seed"] = seeds.generate_state(self.num_envs, np.uint64)
        for slot in self.slots:
            levels.begin_episode(self.level, slot)
        return self._draw(), {}

    def _step(self, actions: np.ndarray) -> StepResult:
        rewards, ended = np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, bool)
        images = self._empty()
        self._share(self._play, actions.astype(np.int64), rewards, ended, images)
        return images, rewards, ended, np.zeros_like(ended), {}

    def _play(self, low: int, high: int, actions: np.ndarray, *results: np.ndarray) -> None:
        """A step of slots low..high-1. The image is the brighter of the last two frames, as in the paper's wrapper."""
        rewards, ended, images = results
        rules = self.level.rules(self._last_frame)
        levels.advance(self.slots, low, high, actions, ACTION_REPEAT - 1, rewards, *rules)
        render.draw(self.slots, low, high, images, False, self._scene)
        levels.advance(self.slots, low, high, actions, 1, rewards, *rules)
        ended[low:high] = self.slots["over"][low:high] == 1
        for k in low + np.flatnonzero(ended[low:high]):
            levels.begin_episode(self.level, self.slots[k])
            images[k] = 0  # of a new episode there is one frame
        render.draw(self.slots, low, high, images, True, self._scene)

    def _draw(self) -> np.ndarray:
        images = self._empty()
        self._share(lambda low, high: render.draw(self.slots, low, high, images, False, self._scene))
        return images

    def _empty(self) -> np.ndarray:
        return np.empty((self.num_envs, *IMAGE_SHAPE), np.uint8)

    def _share(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run `work(low, high, ...)` over all slots, in as many threads as there are."""
        if self._pool is None:
            work(0, self.num_envs, *arguments)
            return
        waiting = [self._pool.submit(work, *share, *arguments) for share in self._shares]
        for done in waiting:
            done.result()

    def _identity(self) -> dict[str, Any]:
        """With the record's layout instead of the package's version: a release need not end the runs under way."""
        return {**super()._identity(), "backend": self.backend.split()[0], "layout": repr(SLOT.descr)}

    def _save(self) -> Arrays:
        return {"slots": np.frombuffer(self.slots.tobytes(), np.uint8)}

    def _load(self, arrays: Arrays) -> None:
        self.slots = np.frombuffer(arrays["slots"].tobytes(), SLOT).copy()

    def close_extras(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()
