"""The three DMLab-30 levels of the paper, in DeepMind Lab or in `rooms`, an embedded re-implementation.

`dmlab_pool.py` and `dmlab_worker.py` run the real simulator, `dmlab_rooms.py` the package `rtrl_bench.rooms`, whose
`dmlab_levels.py` is what both have in common. The budgets are those of Irie et al. 2024.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from typing import Any

import gymnasium
import numpy as np

from rtrl_bench import __version__
from rtrl_bench.envs import dmlab_probe
from rtrl_bench.envs.batch import BatchEnv, Request, StepResult
from rtrl_bench.envs.dmlab_cache import cache_folder
from rtrl_bench.envs.dmlab_pool import WorkerPool
from rtrl_bench.envs.dmlab_probe import BUILD
from rtrl_bench.envs.dmlab_rooms import RoomsBatch
from rtrl_bench.envs.registry import Availability, Backend, EnvSpec, register
from rtrl_bench.errors import ConfigError, EnvironmentFailed, EnvironmentUnavailable
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, ACTIONS, FRAMES_PER_SECOND, IMAGE_SHAPE, LEVEL_SECONDS

TEST_MIXER_SEED = 0x600D5EED  # of IMPALA's evaluation (scalable_agent, experiment.py)


class LabBatch(BatchEnv):
    """Environments of one level in DeepMind Lab, a process each (`threads` has no say), preprocessed as in the paper.

    That is IMPALA's way (Espeholt et al. 2018) but for the image: 96x72 RGB, nine actions, each held for 4 frames; the
    reward is the sum over these, the observation the maximum over the last two, pixel by pixel (IMPALA's: the last).
    The end of an episode's time is reported as terminated: the simulator does not tell it from other ends. It offers
    no way to save its state. docs/deviations.md has what differs from the paper's code.

    In split "test" the simulator mixes another number into every seed, so that no episode is one of training.
    A simulator that fails, dies or hangs ends the batch: EnvironmentFailed names the slot, the level and the cause.
    """

    def __init__(self, spec: EnvSpec, request: Request):
        if not request.options["hud"]:
            raise ConfigError("hud = False: DeepMind Lab always shows it; remove the option, or choose backend: rooms")
        config = {"mixerSeed": str(TEST_MIXER_SEED)} if request.split == "test" else {}
        cache = cache_folder()
        self._level = spec.target
        settings = {"level": spec.target, "config": config, "cache": str(cache) if cache else None}
        try:
            self._workers = WorkerPool(request.num_envs, settings)
        except RuntimeError as error:
            raise EnvironmentUnavailable(
                f"environment {spec.name} cannot run here: deepmind_lab fails to start {spec.target}: {error}; "
                "build and install it anew, or choose backend rooms"
            ) from error
        box = gymnasium.spaces.Box(0, 255, IMAGE_SHAPE, np.uint8)
        super().__init__(spec.name, _lab_version(), request, box, len(ACTIONS))

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        self._ask("reset", seeds.spawn(self.num_envs))
        return self._workers.frames.copy(), {}

    def _step(self, actions: np.ndarray) -> StepResult:
        answers = self._ask("step", actions.tolist())
        rewards = np.array([reward for reward, _ in answers], np.float32)
        ended = np.array([end for _, end in answers])
        return self._workers.frames.copy(), rewards, ended, np.zeros_like(ended), {}

    def _ask(self, method: str, arguments: list[Any]) -> list[Any]:
        try:
            return self._workers.ask(method, arguments)
        except RuntimeError as error:
            self.close()
            raise EnvironmentFailed(f"{self.spec_name}: deepmind_lab failed in {self._level}, {error}") from error
        except BaseException:
            self.close()
            raise

    def close_extras(self) -> None:
        """End the processes."""
        self._workers.close()


def _lab_available(spec: EnvSpec) -> Availability:
    found = importlib.util.find_spec("deepmind_lab")
    if found is None:
        return Availability(False, reason="Python package deepmind_lab is missing", fix=BUILD)
    missing = [program for program in ("bash", "zip") if shutil.which(program) is None]  # it calls them to pack maps
    if missing:
        fix = "install them: apt-get install bash zip (Debian, Ubuntu)"
        return Availability(False, reason=f"deepmind_lab needs {' and '.join(missing)} on PATH", fix=fix, broken=True)
    problem = dmlab_probe.problem(str(found.origin), spec.target)
    if problem is not None:
        why, fix = problem
        return Availability(False, reason=f"deepmind_lab is installed and cannot be used: {why}", fix=fix, broken=True)
    return Availability(True, _lab_version())


def _lab_version() -> str:
    try:
        return f"deepmind_lab {importlib.metadata.version('deepmind_lab')}"
    except importlib.metadata.PackageNotFoundError:
        return "deepmind_lab"


def _rooms_available(spec: EnvSpec) -> Availability:
    if importlib.util.find_spec("numba") is None:
        return Availability(False, reason="Python package numba is missing", fix="install it: pip install numba")
    return Availability(True, f"rooms {__version__}")


def _spec(name: str, paper_env_steps: int) -> EnvSpec:
    return EnvSpec(
        name=name,
        suite="dmlab",
        target=f"contributed/dmlab30/{name}",
        backends=(
            Backend("deepmind_lab", _lab_available, LabBatch, process_per_slot=True),
            Backend("rooms", _rooms_available, RoomsBatch, packages=("numba", "llvmlite")),
        ),
        frames_per_step=ACTION_REPEAT,
        options={"hud": True},
        episode_limit=LEVEL_SECONDS[name] * FRAMES_PER_SECOND // ACTION_REPEAT,
        paper_env_steps=paper_env_steps,
        source="Beattie et al. 2016 (DeepMind Lab); settings of Irie et al. 2024",
    )


register(_spec("rooms_select_nonmatching_object", paper_env_steps=30_000_000))
register(_spec("rooms_watermaze", paper_env_steps=100_000_000))
register(_spec("rooms_keys_doors_puzzle", paper_env_steps=100_000_000))
