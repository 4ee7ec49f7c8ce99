"""The embedded levels stepped together: slots advanced and drawn by as many threads as pay."""

from __future__ import annotations

import numpy as np

from rtrl_bench.rooms import levels, render, scenes
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, FRAMES_PER_SECOND, IMAGE_SHAPE, LEVEL_SECONDS
from rtrl_bench.rooms.state import SLOT
from rtrl_bench.rooms.workers import Workers


class Simulator:
    """B slots of level `name`, of which each begins its next episode by itself.

    A slot's episodes follow from its seed alone, whatever the number of slots or threads. `slots` is their whole state
    (`state.SLOT`). Images are uint8 (B, 3, 72, 96), fresh arrays with a pixel's colours side by side in memory, as
    convolutions want them. Actions are not checked: whoever calls does it.
    `hud`: draw the signs on the screen.
    """

    def __init__(self, name: str, num_slots: int, *, hud: bool = True, threads: int = 1):
        self.level = levels.LEVELS[name]
        self.slots = np.zeros(num_slots, SLOT)
        self._last_frame = LEVEL_SECONDS[name] * FRAMES_PER_SECOND
        self._scene = scenes.scene(name, hud)
        self._workers = Workers(num_slots, threads)

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
        self._draw(0, len(self.slots), images)
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
        held = actions.astype(np.int64)
        self._workers(lambda low, high: self._play(low, high, held, rewards, ended, images, last_images))
        return images, rewards, ended

    def close(self) -> None:
        """Stop the threads."""
        self._workers.close()

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
                self._draw(k, k + 1, images, over=True)
                last_images[k] = images[k]
            levels.begin_episode(self.level, self.slots[k])
            images[k] = 0  # of a new episode there is one frame
        self._draw(low, high, images, over=True)

    def _draw(self, low: int, high: int, images: np.ndarray, over: bool = False) -> None:
        render.draw(self.slots, low, high, images.transpose(0, 2, 3, 1), over, self._scene)

    def _empty(self) -> np.ndarray:
        channels, height, width = IMAGE_SHAPE
        return np.empty((len(self.slots), height, width, channels), np.uint8).transpose(0, 3, 1, 2)
