"""The embedded levels stepped together: slots advanced and drawn by a pool of threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rtrl_bench.rooms import levels, render
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, FRAMES_PER_SECOND, IMAGE_SHAPE, LEVEL_SECONDS
from rtrl_bench.rooms.state import SLOT


class Simulator:
    """B slots of level `name`, of which each begins its next episode by itself.

    A slot's episodes follow from its seed alone, whatever the number of slots or threads. `slots` is their whole state
    (`state.SLOT`). Images are uint8 (B, 3, 72, 96), fresh arrays. Actions are not checked: whoever calls does it.
    `hud`: draw the signs on the screen.
    """

    def __init__(self, name: str, num_slots: int, *, hud: bool = True, threads: int = 1):
        self.level = levels.LEVELS[name]
        self.slots = np.zeros(num_slots, SLOT)
        self._last_frame = LEVEL_SECONDS[name] * FRAMES_PER_SECOND
        self._scene = render.scene(name, hud)
        workers = min(threads, num_slots)
        edges = np.linspace(0, num_slots, workers + 1).astype(int).tolist()
        self._shares = list(itertools.pairwise(edges))
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def reset(self, seeds: np.ndarray) -> np.ndarray:
        """The first images of the episodes that `seeds`, uint64 (B,), stand for."""
        self.slots = np.zeros(len(self.slots), SLOT)
        self.slots["seed"] = seeds
        return self.next_episodes()

    def next_episodes(self) -> np.ndarray:
        """The first images of every slot's next episode, begun at once."""
        for slot in self.slots:
            levels.begin_episode(self.level, slot)
        images = self._empty()
        self._share(self._draw, images)
        return images

    def step(
        self, actions: np.ndarray, last_images: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images, rewards float32 (B,) and where an episode ended, bool (B,), of a step with `actions` (B,).

        Where it ended the image is the next episode's first, and its own last one is written into `last_images`, if
        given: uint8 as images, unchanged elsewhere.
        """
        count = len(self.slots)
        rewards, ended, images = np.zeros(count, np.float32), np.zeros(count, bool), self._empty()
        self._share(self._play, actions.astype(np.int64), rewards, ended, images, last_images)
        return images, rewards, ended

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _play(
        self,
        low: int,
        high: int,
        actions: np.ndarray,
        rewards: np.ndarray,
        ended: np.ndarray,
        images: np.ndarray,
        last_images: np.ndarray | None,
    ) -> None:
        """A step of slots low..high-1. The image is the brighter of the last two frames, as in the paper's wrapper."""
        rules = self.level.rules(self._last_frame)
        levels.advance(self.slots, low, high, actions, ACTION_REPEAT - 1, rewards, *rules)
        self._draw(low, high, images)
        levels.advance(self.slots, low, high, actions, 1, rewards, *rules)
        ended[low:high] = self.slots["over"][low:high] == 1
        for k in low + np.flatnonzero(ended[low:high]):
            if last_images is not None:
                last_images[k] = images[k]
                self._draw(k, k + 1, last_images, over=True)
            levels.begin_episode(self.level, self.slots[k])
            images[k] = 0  # of a new episode there is one frame
        self._draw(low, high, images, over=True)

    def _draw(self, low: int, high: int, images: np.ndarray, over: bool = False) -> None:
        render.draw(self.slots, low, high, images, over, self._scene)

    def _empty(self) -> np.ndarray:
        return np.empty((len(self.slots), *IMAGE_SHAPE), np.uint8)

    def _share(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run `work(low, high, ...)` over all slots, in as many threads as there are."""
        if self._pool is None:
            work(0, len(self.slots), *arguments)
            return
        waiting = [self._pool.submit(work, *share, *arguments) for share in self._shares]
        for done in waiting:
            done.result()
