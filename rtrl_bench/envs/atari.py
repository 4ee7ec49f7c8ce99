"""Atari 2600 games through ale-py's own vector environment, preprocessed as in the paper.

Sources: Irie et al. 2024 (84x84 grey, 4 frames stacked, frame skip 4, no-op starts <= 30, end of life = end of episode
in training) and its code (IDSIA/rtrl-elstm, `atari_wrappers.py`): NoFrameskip-v4 games, so no sticky actions; maximum
over the last two frames of a skip.

The simulator starts games in its own way: where the game has FIRE, one frame of it and then 0 to 29 no-ops; where it
has not, 0 to 30 no-ops; the stack of a new game begins with empty frames. docs/deviations.md has what the paper's code
does in place of that, and how its evaluation differs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from rtrl_bench.envs.batch import BatchEnv, Request, StepResult
from rtrl_bench.envs.registry import FAMILIES, Availability, Backend, EnvSpec, Family, register, unfit_option
from rtrl_bench.errors import UnknownName, did_you_mean

FRAME_SKIP = 4
MAX_FRAMES = 108_000  # half an hour of play: Espeholt et al. 2018 (IMPALA), on Atari; the paper's code sets none
MOST_FRAMES = 2**31 - 1  # the simulator counts them in 32 bits
NOOP_STARTS = 30
PAPER_STEPS = 200_000_000  # total_steps of IDSIA/rtrl-elstm, in agent steps
INSTALL = "install it: pip install ale-py opencv-python-headless"


class AtariBatch(BatchEnv):
    """Games of one ROM. A lost life ends the episode while the game goes on; `infos["game_over"]` marks full games.

    In games that have it, the first action after a lost life is FIRE, whatever was asked for: as in the paper's code
    the agent need not learn to serve, and no game stands still because it never does.

    A game's end is the simulator's own; a lost life is told from the number of lives, by the rule of the simulator's
    `life_loss_info` (fewer than before, but not zero), which would leave the two indistinguishable. The simulator
    offers no way to save its state.
    """

    def __init__(self, spec: EnvSpec, request: Request):
        from ale_py.vector_env import AtariVectorEnv

        # Everything that decides the rules is spelt out: the defaults differ between versions, and clip the rewards.
        self._simulator = AtariVectorEnv(
            spec.target,
            request.num_envs,
            num_threads=request.threads,
            max_num_frames_per_episode=request.options["max_frames"],
            repeat_action_probability=0.0,
            full_action_space=False,
            autoreset_mode=AutoresetMode.SAME_STEP,
            img_height=84,
            img_width=84,
            grayscale=True,
            stack_num=4,
            frameskip=FRAME_SKIP,
            maxpool=True,
            noop_max=NOOP_STARTS + 1,  # the simulator draws below it
            use_fire_reset=True,
            episodic_life=False,  # this one would restart the game at a lost life
            life_loss_info=False,
            reward_clipping=False,
        )
        names = [action.name for action in self._simulator.ale.get_action_set()]
        box = gymnasium.spaces.Box(0, 255, self._simulator.single_observation_space.shape, np.uint8)
        super().__init__(spec.name, _version(), request, box, len(names))
        self._fire = names.index("FIRE") if "FIRE" in names else None
        self._lives = np.zeros(request.num_envs, np.int32)
        self._fallen = np.zeros(request.num_envs, bool)  # a life was lost in the last step, and the game goes on

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        # One seed per slot: given a single one the simulator counts up from it, and runs with close seeds share games.
        slots = (seeds.generate_state(self.num_envs) >> 1).astype(np.int32)
        observations, infos = self._simulator.reset(seed=slots)
        self._lives = infos["lives"].copy()
        self._fallen = np.zeros(self.num_envs, bool)
        return observations, {"lives": infos["lives"]}

    def _step(self, actions: np.ndarray) -> StepResult:
        if self._fire is not None:
            actions = np.where(self._fallen, self._fire, actions)
        observations, rewards, ended, truncated, infos = self._simulator.step(actions.astype(np.int64))
        lives = infos["lives"].copy()
        game_over = ended | truncated
        self._fallen = (lives < self._lives) & (lives > 0) & ~game_over
        terminated = ended | self._fallen
        self._lives = lives
        info = {"game_over": game_over, "lives": lives.copy()}
        if truncated.any():
            info["final_observations"] = infos["final_obs"]
        return observations, rewards.astype(np.float32), terminated, truncated, info

    def close_extras(self) -> None:
        """Stop the simulator's threads."""
        del self._simulator


def rom_names() -> list[str]:
    """The games that the installed ale-py carries, read from its folder without importing it."""
    found = importlib.util.find_spec("ale_py")
    places = found.submodule_search_locations if found else None
    return sorted(path.stem for place in places or () for path in Path(place, "roms").glob("*.bin"))


def _available(spec: EnvSpec) -> Availability:
    for module in ("ale_py", "cv2"):  # ale-py's vector environment needs OpenCV
        if importlib.util.find_spec(module) is None:
            return Availability(False, reason=f"Python package {module} is missing", fix=INSTALL)
    if spec.target not in rom_names():
        return Availability(False, reason=f"ale-py has no ROM {spec.target}", fix="reinstall ale-py")
    return Availability(True, _version())


def _version() -> str:
    return f"ale-py {importlib.metadata.version('ale-py')}"


def _check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    if not FRAME_SKIP <= options["max_frames"] <= MOST_FRAMES:
        expected = f"expected an integer in {FRAME_SKIP}..{MOST_FRAMES}"
        raise unfit_option(spec.name, "max_frames", options["max_frames"], expected)


def _spec(name: str, rom: str, paper_env_steps: int | None = None) -> EnvSpec:
    return EnvSpec(
        name=name,
        suite="atari",
        target=rom,
        backends=(Backend("ale-py", _available, AtariBatch, truncates=True),),
        frames_per_step=FRAME_SKIP,
        episode_limit=MAX_FRAMES // FRAME_SKIP,
        limit_of=lambda options: int(options["max_frames"]) // FRAME_SKIP,
        paper_env_steps=paper_env_steps,
        options={"max_frames": MAX_FRAMES},
        check=_check,
        source="Bellemare et al. 2013 (ALE); settings of Irie et al. 2024",
    )


def _resolve(rom: str) -> EnvSpec:
    names = rom_names()
    if names and rom not in names:
        expected = f"expected one of ale-py's {len(names)} ROM names{did_you_mean(rom, names, 'atari:')}"
        raise UnknownName(f"unknown environment 'atari:{rom}': {expected}")
    return _spec(f"atari:{rom}", rom)


for _name, _rom in {
    "breakout": "breakout",
    "gravitar": "gravitar",
    "mspacman": "ms_pacman",
    "qbert": "qbert",
    "seaquest": "seaquest",
}.items():
    register(_spec(_name, _rom, PAPER_STEPS))
FAMILIES.register("atari")(Family("rom_name", _resolve))
