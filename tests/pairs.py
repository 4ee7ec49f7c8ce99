"""An environment with two action factors and time limits, registered with Gymnasium as TestPairs-v0."""

from __future__ import annotations

import gymnasium
from gymnasium import spaces


class Pairs(gymnasium.Env):
    """Shows two symbols; a reward of 1 for naming both. Ends after three steps, or is cut after `limit` of them."""

    observation_space = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Discrete(2)})
    action_space = spaces.MultiDiscrete([3, 2])

    def __init__(self, limit=4):
        self._limit = limit

    def _draw(self):
        self._shown = int(self.np_random.integers(3)), int(self.np_random.integers(2))
        return dict(zip("ab", self._shown))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        return self._draw(), {}

    def step(self, action):
        self._steps += 1
        reward = float(tuple(action) == self._shown)
        return self._draw(), reward, self._steps == 3, self._steps == self._limit, {}


gymnasium.register("TestPairs-v0", Pairs)
PAIRS = {"environment": "gymnasium:TestPairs-v0", "environment_options": {}}
