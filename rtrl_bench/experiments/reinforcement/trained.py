"""The agent that a run has trained so far, without its simulator: to be evaluated, to play."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.agents import check_choices, make_network
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import environment_of_test, evaluate, greedy
from rtrl_bench.experiments.reinforcement.simulators import in_simulator
from rtrl_bench.experiments.reinforcement.watchdog import watched
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.device import choose_device
from rtrl_bench.runs.process import prepare_process, use_worthwhile_threads
from rtrl_bench.runs.settings import replace


class TrainedAgent(NamedTuple):
    """A trained network on `device`, for observations of `observation_shape` and actions of `action_sizes`."""

    network: AgentNetwork
    device: torch.device
    observation_shape: tuple[int, ...]
    action_sizes: tuple[int, ...]
    simulator: str


def trained_network(config: RunConfig, folder: Path) -> TrainedAgent:
    """The network of the newest checkpoint in a run folder, made without its simulator, and which that is.

    Raises ConfigError when there is no checkpoint, CheckpointError when it does not fit.
    """
    folder = folder.absolute()
    check_choices(config)
    prepare_process(config.threads)
    device = choose_device(config.device)
    saved = checkpoint.load_newest(folder / "checkpoint")
    if saved is None:
        raise ConfigError(f"{folder}: no checkpoint there; train first")
    with checkpoint.fitting(folder / "checkpoint"):
        shape, sizes = tuple(saved["observation"].shape[1:]), tuple(saved["action_sizes"])
        network = make_network(config, shape, sizes).to(device)
        network.load_state_dict(saved["network"])
        if config.threads == 0:
            use_worthwhile_threads(lambda: network.act_on_zeros(shape, config.batch), config.unroll, device)
    return TrainedAgent(network, device, shape, sizes, saved["simulator"])


def evaluate_checkpoint(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Evaluate the newest checkpoint in a run folder, in the simulator that it was trained in. Writes nothing.

    ConfigError when there is no checkpoint, or that simulator cannot run here.
    """
    trained = trained_network(config, folder)
    config = in_simulator(config, trained.simulator, "this agent was trained in")
    return evaluate(trained.network, config, trained.device)


def seen(config: RunConfig, folder: Path, seed: int, steps: int) -> np.ndarray:
    """What the trained agent in a run folder sees in `steps` steps of test play, uint8 (steps, height, width, 3).

    It plays greedily in the simulator that it was trained in, on whatever device there is. ConfigError if there is no
    agent, it sees no images, or that simulator cannot run here.
    """
    trained = trained_network(replace(config, device="auto"), folder)
    if len(trained.observation_shape) != 3:
        raise ConfigError(f"--agent {folder}: it sees no images, but vectors of shape {trained.observation_shape}")
    env = environment_of_test(in_simulator(config, trained.simulator, "this agent was trained in"), 1, seed)
    state: Any = trained.network.core.zero_state(1)
    frames: list[np.ndarray] = []
    try:
        with watched(env):
            observation, _ = env.reset(seed=seed)
            rewards, starts = np.zeros(1), np.ones(1, bool)
            while True:
                frames.append(_picture(observation[0]))
                if len(frames) == steps:
                    return np.stack(frames)
                actions, state = greedy(trained.network, observation, rewards, starts, state, trained.device)
                observation, rewards, terminated, truncated, _ = env.step(actions)
                starts = terminated | truncated
    finally:
        env.close()


def _picture(image: np.ndarray) -> np.ndarray:
    """(height, width, 3) of (channels, height, width): three channels are colours, of others the last is shown in grey.

    That is the newest of stacked grey frames, such as Atari's.
    """
    colours = image if len(image) == 3 else np.repeat(image[-1:], 3, axis=0)
    return np.ascontiguousarray(colours.transpose(1, 2, 0))
