"""Frames to learn from, with their labels: scripted players that stray are watched in many slots."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor

from rtrl_bench.envs import registry
from rtrl_bench.envs.dmlab_rooms import RoomsBatch
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.rooms.dmlab_levels import IMAGE_SHAPE
from rtrl_bench.rooms.labels import in_view
from rtrl_bench.rooms.players import StrayingPlayers
from rtrl_bench.runs.memory_limit import check_fits

TRAINING, HELD_OUT = range(2)  # whose episodes have nothing in common
HELD_OUT_STEPS, HELD_OUT_EVERY = 300, 5  # of every slot; one frame of so many is looked at


class Watched:
    """What players see in `config.slots` slots of the level, step by step.

    The levels are those of the training split, so that none of the episodes that agents are evaluated in is seen.
    """

    def __init__(self, config: StemConfig, part: int):
        episodes, straying = np.random.SeedSequence((config.seed, part)).spawn(2)
        self._level = config.environment
        env = registry.make(
            config.environment,
            config.slots,
            seed=int(episodes.generate_state(1)[0] >> 1),
            split="train",
            options=config.environment_options,
            backend="rooms",
            threads=config.threads,
        )
        self.env = cast(RoomsBatch, env)
        self._players = StrayingPlayers(self._level, config.slots, np.random.default_rng(straying))
        self.images, _ = self.env.reset()

    def labels(self) -> dict[str, np.ndarray]:
        """Those of `images` (B, 3, 72, 96), which are what is seen now."""
        return in_view(self._level, self.env.simulator.slots)

    def step(self) -> None:
        """Let every player act once."""
        self.images, *_ = self.env.step(self._players(self.env.simulator.slots))


class NewestFrames:
    """The newest frames that players have seen, about `config.buffer` of them, and their labels."""

    def __init__(self, config: StemConfig):
        room = {"the newest frames": config.buffer * math.prod(IMAGE_SHAPE)}
        check_fits(room, f"buffer = {config.buffer:,}", "lower it", None, torch.device("cpu"))
        self.watched = Watched(config, TRAINING)
        self._steps = max(1, config.buffer // config.slots)
        self._seen = 0
        self._images = _room_for(self.watched.images, self._steps)
        self._labels = {name: _room_for(values, self._steps) for name, values in self.watched.labels().items()}

    def record(self) -> None:
        """Take in what is seen now, in the place of the oldest, and let the players act."""
        at = self._seen % self._steps
        self._images[at] = torch.from_numpy(self.watched.images)
        for name, values in self.watched.labels().items():
            self._labels[name][at] = torch.from_numpy(values)
        self._seen += 1
        self.watched.step()

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Images (count, 3, 72, 96) and their labels, drawn with replacement."""
        recorded = min(self._seen, self._steps) * self._images.shape[1]
        chosen = torch.randint(recorded, (count,), generator=generator)
        labels = {name: values.flatten(0, 1)[chosen] for name, values in self._labels.items()}
        return self._images.flatten(0, 1)[chosen], labels


def _room_for(example: np.ndarray, steps: int) -> Tensor:
    return torch.empty((steps, *example.shape), dtype=torch.from_numpy(example).dtype)


def held_out(config: StemConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Images (n, 3, 72, 96) and labels of episodes that are not learned from."""
    watched = Watched(config, HELD_OUT)
    images, labels = [], []
    for step in range(HELD_OUT_STEPS):
        if step % HELD_OUT_EVERY == 0:
            images.append(torch.from_numpy(watched.images))
            labels.append({name: torch.from_numpy(values) for name, values in watched.labels().items()})
        watched.step()
    watched.env.close()
    return torch.cat(images), {name: torch.cat([one[name] for one in labels]) for name in labels[0]}
