"""The embedded levels (`rtrl_bench.rooms`) behind the interface of all environments."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from rtrl_bench import __version__
from rtrl_bench.envs.batch import Arrays, BatchEnv, Request, StepResult
from rtrl_bench.envs.registry import EnvSpec
from rtrl_bench.rooms.dmlab_levels import ACTIONS, IMAGE_SHAPE


class RoomsBatch(BatchEnv):
    """B slots of one level. Training and test differ in their seeds only, as in the engine."""

    can_restore = True

    def __init__(self, spec: EnvSpec, request: Request):
        from rtrl_bench.rooms.simulator import Simulator  # imports numba, for which looking up names must not wait

        box = gymnasium.spaces.Box(0, 255, IMAGE_SHAPE, np.uint8)
        super().__init__(spec.name, f"rooms {__version__}", request, box, len(ACTIONS))
        hud = request.options["hud"]
        self.simulator = Simulator(spec.name, request.num_envs, hud=hud, threads=request.threads)

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        return self.simulator.reset(seeds.generate_state(self.num_envs, np.uint64)), {}

    def _step(self, actions: np.ndarray) -> StepResult:
        images, rewards, ended = self.simulator.step(actions)
        return images, rewards, ended, np.zeros_like(ended), {}

    def _identity(self) -> dict[str, Any]:
        """With the record's layout instead of the package's version: a release need not end the runs under way."""
        return {
            **super()._identity(),
            "backend": self.backend.split()[0],
            "layout": repr(self.simulator.slots.dtype.descr),
        }

    def _save(self) -> Arrays:
        return {"slots": np.frombuffer(self.simulator.slots.tobytes(), np.uint8)}

    def _load(self, arrays: Arrays) -> None:
        layout = self.simulator.slots.dtype
        self.simulator.slots = np.frombuffer(arrays["slots"].tobytes(), layout).copy()

    def close_extras(self) -> None:
        """Stop the threads."""
        self.simulator.close()
