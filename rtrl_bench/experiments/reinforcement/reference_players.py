"""What players that learn nothing score: the reference lines of the figures.

`python -m rtrl_bench.experiments.reinforcement.reference_players --out analysis/reinforcement/players.csv` plays the
paper's environments again, as agents are evaluated: with random actions, and on the embedded levels by the scripted
player (the oracle), which sees the whole state.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.policy import FactorisedActions
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import EvaluationConfig, RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import evaluate
from rtrl_bench.rooms.players import ORACLES
from rtrl_bench.rooms.simulator import Simulator
from rtrl_bench.system.files import check_output

ENVIRONMENTS = (*ORACLES, "chaser", "breakout", "gravitar", "mspacman", "qbert", "seaquest")
EPISODES, LONGEST = 96, 10_000  # LONGEST: steps of an episode
COLUMNS = ("environment", "backend", "player", "score", "std", "episodes")


def random_returns(environment: str) -> tuple[str, list[float]]:
    """The backend, and the returns of EPISODES test episodes of actions drawn uniformly."""
    env = registry.make(environment, 1, seed=0, split="test")
    backend, actions = env.backend, int(cast(Any, env.single_action_space).n)
    env.close()
    draws = torch.Generator().manual_seed(0)
    player = SimpleNamespace(
        core=SimpleNamespace(zero_state=lambda slots: None),
        encode=lambda observation: observation,
        act=lambda seen, *_: (torch.rand(len(seen), actions, generator=draws), None, None),
        actions=FactorisedActions([actions]),
    )
    plan = EvaluationConfig(sets=1, episodes=EPISODES, max_steps=LONGEST)
    config = RunConfig(environment=environment, env_steps=1, evaluation=plan)
    played = evaluate(cast(AgentNetwork, player), config, torch.device("cpu"))
    return backend, list(played["sets"][0]["returns"])


def oracle_returns(level: str) -> list[float]:
    """The returns of EPISODES episodes of an embedded level, played by its oracle."""
    simulator, players = Simulator(level, EPISODES), [ORACLES[level]() for _ in range(EPISODES)]
    simulator.reset(np.arange(EPISODES, dtype=np.uint64))
    returns, playing = np.zeros(EPISODES), np.ones(EPISODES, bool)
    while playing.any():
        actions = np.array([player(slot) for player, slot in zip(players, simulator.slots)])
        _, rewards, ended = simulator.step(actions)
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
        backend, returns = random_returns(environment)
        scores = {"random": returns} | ({"oracle": oracle_returns(environment)} if environment in ORACLES else {})
        for player, found in scores.items():
            spread = f"{np.std(found, ddof=1):.3f}"
            rows.append((environment, backend, player, f"{np.mean(found):.3f}", spread, len(found)))
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
