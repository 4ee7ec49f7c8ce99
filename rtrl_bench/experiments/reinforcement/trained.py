"""The agent that a run has trained so far, without its simulator: to be evaluated, to play."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.agents import check_choices, make_network
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import evaluate
from rtrl_bench.experiments.reinforcement.simulators import in_simulator
from rtrl_bench.rooms.dmlab_levels import ACTIONS, IMAGE_SHAPE
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.device import choose_device
from rtrl_bench.runs.process import prepare_process, use_worthwhile_threads

if TYPE_CHECKING:
    from rtrl_bench.rooms.show import Player


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


def trained_player(config: RunConfig, folder: Path) -> Player:
    """The trained agent in a run folder as a greedy player of an embedded level; ConfigError if there is none."""
    network, device, shape, sizes, _ = trained_network(config, folder)
    if (shape, sizes) != (IMAGE_SHAPE, (len(ACTIONS),)):
        raise ConfigError(
            f"--agent {folder}: it was trained on {config.environment}, with observations of shape {shape} and "
            f"{' x '.join(map(str, sizes))} actions; expected a run on one of the DMLab levels"
        )
    from rtrl_bench.rooms.show import Player  # imports numba, for which an evaluation must not wait

    state = network.core.zero_state(1)

    def play(slots: np.ndarray, observation: np.ndarray, reward: np.ndarray, start: np.ndarray) -> np.ndarray:
        nonlocal state
        seen, last, begins = (torch.as_tensor(values, device=device) for values in (observation, reward, start))
        logits, _, state = network.act(network.encode(seen), last, begins, state)
        return network.actions.greedy(logits).cpu().numpy()

    return Player(play, hud=config.environment_options.get("hud", True))
