"""What players that learn nothing score: the reference lines of the figures.

`python -m rtrl_bench.experiments.reinforcement.reference_players --out analysis/reinforcement/players.csv` plays the
paper's environments again: with random actions, as agents are evaluated, and on the embedded levels also by the
scripted player (the oracle), which sees the whole state. What a random player scores there hangs on a few lucky
episodes, so many are played, without drawing them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import EvaluationConfig, RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import RandomPlayer, evaluate
from rtrl_bench.rooms.players import ORACLES
from rtrl_bench.rooms.simulator import Simulator
from rtrl_bench.system.files import check_output

ENVIRONMENTS = (*ORACLES, "chaser", "breakout", "gravitar", "mspacman", "qbert", "seaquest")
EPISODES, LONGEST = 96, 10_000  # LONGEST: steps of an episode
LEVEL_EPISODES = 8192  # at random: on keys_doors, three times the score is then known to within 0.3
COLUMNS = ("environment", "backend", "player", "score", "std", "episodes")


def of_game(environment: str, actions: int) -> dict[str, list[float]]:
    """The returns of EPISODES test episodes of actions drawn uniformly from so many."""
    plan = EvaluationConfig(sets=1, episodes=EPISODES, max_steps=LONGEST)
    config = RunConfig(environment=environment, env_steps=1, evaluation=plan)
    played = evaluate(RandomPlayer([actions], seed=0), config, torch.device("cpu"))
    return {"random": list(played["sets"][0]["returns"])}


class Undrawn(Simulator):
    """Levels for players that do not look at the images, which stay empty."""

    def _draw(self, low: int, high: int, images: np.ndarray, over: bool = False) -> None:
        pass


def of_level(level: str, actions: int) -> dict[str, list[float]]:
    """The returns of many episodes of an embedded level at random, and of EPISODES played by its oracle."""
    draws, oracles = np.random.default_rng(0), [ORACLES[level]() for _ in range(EPISODES)]
    return {
        "random": level_returns(level, LEVEL_EPISODES, lambda slots: draws.integers(actions, size=len(slots))),
        "oracle": level_returns(level, EPISODES, lambda slots: np.array([o(slot) for o, slot in zip(oracles, slots)])),
    }


def level_returns(level: str, episodes: int, play: Callable[[np.ndarray], np.ndarray]) -> list[float]:
    """The returns of so many episodes of an embedded level; `play` chooses the actions (B,), given the slots."""
    simulator = Undrawn(level, episodes)
    simulator.reset(np.arange(episodes, dtype=np.uint64))
    returns, playing = np.zeros(episodes), np.ones(episodes, bool)
    while playing.any():
        _, rewards, ended = simulator.step(play(simulator.slots))
        returns[playing] += rewards[playing]
        playing &= ~ended
    return [float(value) for value in returns]


def main() -> None:
    """Write the table; an environment that cannot run here is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    try:
        check_output(out)
    except ConfigError as error:
        parser.error(str(error))
    rows = []
    for environment in ENVIRONMENTS:
        env = registry.make(environment, 1, seed=0, split="test")
        backend, actions = env.backend, int(cast(Any, env.single_action_space).n)
        env.close()
        play = of_level if environment in ORACLES else of_game
        for player, found in play(environment, actions).items():
            spread = f"{np.std(found, ddof=1):.3f}"
            rows.append((environment, backend, player, f"{np.mean(found):.3f}", spread, len(found)))
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
