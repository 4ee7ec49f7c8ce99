"""Small Gymnasium environments with observations of every form, registered as Test<form>-v0."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces


class Counting(gymnasium.Env):
    """Shows how many steps its episode has; ends after three with reward 3, and every third time is cut instead."""

    action_space = spaces.Discrete(2, start=5)

    def __init__(self, observation_space, convert):
        self.observation_space, self._convert, self._episodes = observation_space, convert, 0

    def reset(self, *, seed=None, options=None):
        self._count, self._episodes = 0, self._episodes + 1
        return self._convert(self._count), {}

    def step(self, action):
        assert action in (5, 6)
        self._count += 1
        ended = self._count == 3
        cut = ended and self._episodes % 3 == 0
        return self._convert(self._count), float(self._count), ended and not cut, cut, {}


IMAGE = np.arange(10 * 12 * 3, dtype=np.uint8).reshape(10, 12, 3)
BITS = np.indices((10, 10, 4)).sum(0) % 2 == 1
PARTS = {"picture": spaces.Box(0, 10, (2, 3), np.uint8), "text": spaces.Text(3), "x": spaces.Discrete(3, start=-1)}
FORMS = {
    "Vector": (spaces.Box(-9, 9, (2,), np.float64), lambda n: np.array([n, -n], np.float64)),
    "Symbol": (spaces.Discrete(4), lambda n: n),
    "Image": (spaces.Box(0, 255, (10, 12, 3), np.uint8), lambda n: IMAGE + np.uint8(n)),
    "Grey": (spaces.Box(0, 255, (10, 12), np.uint8), lambda n: IMAGE[..., 0]),
    "First": (spaces.Box(0, 255, (3, 10, 12), np.uint8), lambda n: np.moveaxis(IMAGE, 2, 0)),
    "Bits": (spaces.Box(0, 1, BITS.shape, bool), lambda n: BITS),
    "Levels": (spaces.Box(2, 12, (1, 5, 11), np.uint8), lambda n: np.tile(np.arange(2, 13, dtype=np.uint8), (1, 5, 1))),
    "Beyond": (spaces.Box(0, 1, (1, 5, 5), np.uint8), lambda n: np.full((1, 5, 5), n, np.uint8)),
    "Volume": (spaces.Box(0, 1, (6, 8, 12), np.float32), lambda n: np.full((6, 8, 12), 0.2 * n, np.float32)),
    "Matrix": (spaces.Box(-9, 9, (2, 2), np.float64), lambda n: np.array([[n, 1], [2, 3]], np.float64)),
    "Dict": (
        spaces.Dict({"y": spaces.Box(-9, 9, (2,)), "x": spaces.Discrete(3)}),
        lambda n: {"y": np.array([n, 5], np.float32), "x": 1},
    ),
    "Tuple": (spaces.Tuple([spaces.Discrete(2), spaces.MultiBinary(2)]), lambda n: (1, np.array([0, 1], np.int8))),
    "Single": (spaces.Dict({"image": spaces.Box(0, 255, IMAGE.shape, np.uint8)}), lambda n: {"image": IMAGE}),
    "Parts": (
        spaces.Dict({key: PARTS[key] for key in ("picture", "x")}),
        lambda n: {"picture": np.array([[0, 5, 10], [1, 2, 3]], np.uint8), "x": 1},
    ),
    "Mission": (
        spaces.Dict({"graph": spaces.Graph(spaces.Discrete(2), None), "x": PARTS["x"]}),
        lambda n: {"graph": None, "x": -1},
    ),
    "Stack": (spaces.Box(0, 255, (4, 10, 12, 3), np.uint8), lambda n: np.stack([IMAGE] * 4)),
}
for _name, (_space, _convert) in FORMS.items():
    gymnasium.register(f"Test{_name}-v0", Counting, kwargs={"observation_space": _space, "convert": _convert})
