"""A tiny environment of images whose state can be restored; the fixture `pictures` registers it under two names."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from rtrl_bench.envs import registry
from rtrl_bench.envs.batch import BatchEnv

EPISODE = 4
SIZE = 36  # the smallest that the Nature stem takes


class Pictures(BatchEnv):
    """Noise whose first pixel is bright where action 1 is right; four steps an episode, reward 1 for a right action."""

    can_restore = True

    def __init__(self, spec, request):
        size = request.options["size"]
        box = gymnasium.spaces.Box(0, 255, (3, size, size), np.uint8)
        super().__init__(spec.name, "pictures 1", request, box, 2, rules=request.options)

    def _reset(self, seeds):
        self._number = int(seeds.generate_state(1)[0])
        self._clock = np.zeros(self.num_envs, np.int64)
        return self._look(), {}

    def _look(self):
        """Frames that the running number decides: the same number, the same frames."""
        self._number += 1
        random = np.random.default_rng(self._number)
        frames = random.integers(0, 256, (self.num_envs, *self.single_observation_space.shape), np.uint8)
        self._right = (frames[:, 0, 0, 0] > 127).astype(np.int64)
        return frames

    def _step(self, actions):
        rewards = (actions == self._right).astype(np.float32)
        self._clock += 1
        ended = self._clock == EPISODE
        self._clock[ended] = 0
        return self._look(), rewards, ended, np.zeros_like(ended), {}

    def _save(self):
        return {"number": np.array(self._number), "clock": self._clock, "right": self._right}

    def _load(self, arrays):
        self._number, self._clock, self._right = int(arrays["number"]), arrays["clock"], arrays["right"]


@pytest.fixture
def pictures(monkeypatch):
    """The environments `pictures` and `portraits`: the same game, with frames of 3 x size x size."""
    assert "tmaze" in registry.ENVIRONMENTS  # every module has registered its own by now
    available = registry.Availability(True, "pictures 1")
    backend = registry.Backend("pictures", lambda spec: available, Pictures)
    for name in ("pictures", "portraits"):
        spec = registry.EnvSpec(name, "test", name, (backend,), frames_per_step=4, options={"size": SIZE})
        monkeypatch.setitem(registry.ENVIRONMENTS._things, name, spec)
