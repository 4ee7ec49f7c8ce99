"""Greedy evaluation after training, one slot per episode, so that short episodes count no more than long ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.policy import FactorisedActions
from rtrl_bench.envs import registry
from rtrl_bench.envs.batch import BatchEnv
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.episode_limits import max_steps
from rtrl_bench.experiments.reinforcement.simulators import chosen
from rtrl_bench.experiments.reinforcement.watchdog import watched
from rtrl_bench.runs.progress import Progress


def derived_seed(*entropy: int) -> int:
    """A seed for one purpose, from the run's seed and numbers that name the purpose.

    Other numbers give unrelated seeds, but for zeros at the end, which do not count.
    """
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


MAX_SLOTS = 128  # environments at once; more episodes are played in rounds


class RandomPlayer:
    """Draws every action evenly; has what is asked of a network here. `sizes`: values of each factor of an action."""

    def __init__(self, sizes: Sequence[int], seed: int):
        self.actions = FactorisedActions(sizes)
        self.core = self
        self._draws = torch.Generator().manual_seed(seed)

    def zero_state(self, slots: int) -> None:
        """It remembers nothing."""

    def encode(self, observation: Tensor) -> Tensor:
        """It looks at nothing."""
        return observation

    def act(self, observation: Tensor, *_: Any) -> tuple[Tensor, None, None]:
        """Logits (B, n_1 + ... + n_K) of which any may be the largest."""
        return torch.rand(len(observation), self.actions.logits, generator=self._draws), None, None


def evaluate(network: AgentNetwork | RandomPlayer, config: RunConfig, device: torch.device) -> dict[str, Any]:
    """Play `config.evaluation` (sets x episodes, greedy actions, test rules): the content of evaluation.json.

    Where nobody knows what random play scores, a further set is played at random.
    """
    plan = config.evaluation
    seeds = [derived_seed(config.seed, 1, k) for k in range(plan.sets)]
    slots = MAX_SLOTS
    if chosen(config).process_per_slot:
        slots = min(slots, config.batch)  # what the machine bears: training has run so many processes
    env = environment_of_test(config, min(plan.episodes, slots), seeds[0])
    at_random = registry.spec(config.environment).random_play_unknown
    try:
        total = (plan.sets + at_random) * plan.episodes
        with watched(env), Progress("evaluation", total, unit="episode") as progress:
            sets = [_play_set(network, env, config, device, k, seed, progress) for k, seed in enumerate(seeds)]
            more = {}
            if at_random:
                seed = derived_seed(config.seed, 1, plan.sets)
                player, cpu = RandomPlayer(network.actions.sizes, seed), torch.device("cpu")
                more["random"] = _play_set(player, env, config, cpu, plan.sets, seed, progress)
    finally:
        env.close()
    how = {"greedy": True, "split": "test", "backend": env.backend, "max_steps": max_steps(config)}
    return {"schema": 1, **how, "sets": sets, **more}


def environment_of_test(config: RunConfig, slots: int, seed: int) -> BatchEnv:
    """What a run is tested in, in so many slots."""
    return registry.make(
        config.environment,
        slots,
        seed=seed,
        split="test",
        options=config.environment_options,
        backend=config.backend,
        threads=config.threads,
    )


def greedy(
    network: AgentNetwork | RandomPlayer,
    observation: np.ndarray,
    rewards: np.ndarray,
    starts: np.ndarray,
    state: Any,
    device: torch.device,
) -> tuple[np.ndarray, Any]:
    """The most probable actions (B, ...), given what (B, ...) and with which last rewards (B,) was seen; the state."""
    logits, _, state = network.act(
        network.encode(torch.as_tensor(observation, device=device)),
        torch.as_tensor(rewards, dtype=torch.float32, device=device),
        torch.as_tensor(starts, device=device),
        state,
    )
    return network.actions.greedy(logits).cpu().numpy(), state


def _play_set(
    network: AgentNetwork | RandomPlayer,
    env: Any,
    config: RunConfig,
    device: torch.device,
    number: int,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    record: dict[str, Any] = {"seed": seed, "returns": [], "lengths": [], "truncated": 0}
    observation, _ = env.reset(seed=seed, options={"part": number})
    while missing := config.evaluation.episodes - len(record["returns"]):
        if record["returns"]:
            observation, _ = env.reset()
        wanted = min(env.num_envs, missing)
        played = _play_round(network, env, observation, device, wanted, max_steps(config), progress)
        record["returns"] += played.returns
        record["lengths"] += played.lengths
        record["truncated"] += played.cut
        if played.life_returns is not None:
            record["life_returns"] = record.get("life_returns", []) + played.life_returns
    return record


class _Played(NamedTuple):
    """What a round's episodes gave; `life_returns`, where a game has lives: of each episode those of its lives."""

    returns: list[float]
    lengths: list[int]
    life_returns: list[list[float]] | None
    cut: int  # at max_steps


def _play_round(
    network: AgentNetwork | RandomPlayer,
    env: Any,
    observation: np.ndarray,
    device: torch.device,
    wanted: int,
    longest: int | None,
    progress: Progress,
) -> _Played:
    """One episode, or full game, in each of the first `wanted` slots, cut at `longest` steps.

    The agent begins anew wherever it did in training: after a lost life too.
    """
    slots = len(observation)
    state: Any = network.core.zero_state(slots)
    starts, playing, has_lives = np.ones(slots, dtype=bool), np.arange(slots) < wanted, False
    rewards, life, lengths = np.zeros(slots), np.zeros(slots), np.zeros(slots, dtype=np.int64)
    lives: list[list[float]] = [[] for _ in range(slots)]  # an episode without lives counts as one
    while playing.any() and (longest is None or lengths.max() < longest):
        actions, state = greedy(network, observation, rewards, starts, state, device)
        observation, rewards, terminated, truncated, infos = env.step(actions)
        starts = terminated | truncated
        has_lives = "game_over" in infos
        life[playing] += rewards[playing]
        lengths[playing] += 1
        for slot in np.flatnonzero(playing & starts):
            lives[slot].append(float(life[slot]))
            life[slot] = 0
        ended = playing & infos.get("game_over", starts)
        playing &= ~ended
        progress.advance(int(ended.sum()), f"{playing.sum()} being played, step {lengths.max():,}")
    progress.advance(int(playing.sum()))
    for slot in np.flatnonzero(playing & ~starts):  # cut in the midst of a life
        lives[slot].append(float(life[slot]))
    returns = [sum(of_lives) for of_lives in lives[:wanted]]
    return _Played(returns, lengths[:wanted].tolist(), lives[:wanted] if has_lives else None, int(playing.sum()))
