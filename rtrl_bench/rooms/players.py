"""The levels' scripted players, which see the whole state, by the name of the level; and a batch of them that stray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtrl_bench.rooms import oracles
from rtrl_bench.rooms.dmlab_levels import ACTIONS
from rtrl_bench.rooms.oracle_keys import KeysDoorsOracle

ORACLES: dict[str, Callable[[], Callable[[Any], int]]] = {
    "rooms_select_nonmatching_object": lambda: oracles.nonmatching,
    "rooms_watermaze": lambda: oracles.watermaze,
    "rooms_keys_doors_puzzle": KeysDoorsOracle,  # plans: one per slot
}
STRAYING, LONGEST = 0.1, 12  # chance per step to stray, and for how many steps at most


class StrayingPlayers:
    """The level's scripted player in each of `count` slots, which now and then holds an action drawn at random.

    So it gets about, and sees what learning agents see, which do not know what to do.
    """

    def __init__(self, level: str, count: int, random: np.random.Generator):
        self._players = [ORACLES[level]() for _ in range(count)]
        self._random = random
        self._action, self._left = np.zeros(count, np.int64), np.zeros(count, np.int64)

    def __call__(self, slots: np.ndarray) -> np.ndarray:
        """The next actions, int64 (B,)."""
        count = len(self._players)
        self._left -= 1
        strays, steps = self._random.random(count) < STRAYING, self._random.integers(1, LONGEST + 1, count)
        actions, begins = self._random.integers(len(ACTIONS), size=count), strays & (self._left <= 0)
        self._action, self._left = np.where(begins, actions, self._action), np.where(begins, steps, self._left)
        chosen = [player(slot) for player, slot in zip(self._players, slots)]
        return np.where(self._left > 0, self._action, chosen)
