"""A trained agent as a player of the embedded DMLab levels, for pictures of what it sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.trained import trained_network
from rtrl_bench.rooms.dmlab_levels import ACTIONS, IMAGE_SHAPE
from rtrl_bench.rooms.show import Player


def trained_player(config: RunConfig, folder: Path) -> Player:
    """The trained agent in a run folder, playing greedily; ConfigError if there is none."""
    network, device, shape, sizes = trained_network(config, folder)
    if (shape, sizes) != (IMAGE_SHAPE, (len(ACTIONS),)):
        raise ConfigError(
            f"--agent {folder}: it was trained on {config.environment}, with observations of shape {shape} and "
            f"{' x '.join(map(str, sizes))} actions; expected a run on one of the DMLab levels"
        )
    state = network.core.zero_state(1)

    def play(slots: np.ndarray, observation: np.ndarray, reward: np.ndarray, start: np.ndarray) -> np.ndarray:
        nonlocal state
        seen, last, begins = (torch.as_tensor(values, device=device) for values in (observation, reward, start))
        logits, _, state = network.act(network.encode(seen), last, begins, state)
        return network.actions.greedy(logits).cpu().numpy()

    return play
