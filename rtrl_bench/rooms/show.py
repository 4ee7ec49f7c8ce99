"""What a scripted player that knows everything sees in a level."""

from __future__ import annotations

import numpy as np

from rtrl_bench.errors import UnknownName, one_of
from rtrl_bench.rooms.players import ORACLES
from rtrl_bench.rooms.simulator import Simulator


def check_level(level: str) -> None:
    """UnknownName unless there is such a level."""
    if level not in ORACLES:
        raise UnknownName(f"unknown level {level!r}: {one_of(level, ORACLES)}")


def walk(level: str, seed: int, steps: int) -> np.ndarray:
    """What is seen in the first `steps` steps, uint8 (steps, 72, 96, 3)."""
    simulator, choose = Simulator(level, 1), ORACLES[level]()
    frames = [simulator.reset(np.array([seed], np.uint64))[0]]
    while len(frames) < steps:
        images, *_ = simulator.step(np.array([choose(simulator.slots[0])]))
        frames.append(images[0])
    return np.stack(frames).transpose(0, 2, 3, 1)
