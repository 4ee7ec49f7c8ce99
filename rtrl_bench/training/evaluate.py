"""Greedy evaluation after training, one slot per episode, so that short episodes count no more than long ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.config import RunConfig
from rtrl_bench.envs import registry
from rtrl_bench.training.progress import Progress
from rtrl_bench.training.watchdog import watched


def derived_seed(*entropy: int) -> int:
    """A seed for one purpose, from the run's seed and numbers that name the purpose; unrelated for other numbers."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


MAX_SLOTS = 128  # environments at once; more episodes are played in rounds


def evaluate(network: AgentNetwork, config: RunConfig, device: torch.device) -> dict[str, Any]:
    """Play `config.evaluation` (sets x episodes, greedy actions, test rules): the content of evaluation.json."""
    plan = config.evaluation
    seeds = [derived_seed(config.seed, 1, k) for k in range(plan.sets)]
    slots = MAX_SLOTS
    if registry.chosen_backend(config.environment, config.backend).process_per_slot:
        slots = min(slots, config.batch)  # what the machine bears: training has run so many processes
    env = registry.make(
        config.environment,
        min(plan.episodes, slots),
        seed=seeds[0],
        split="test",
        options=config.environment_options,
        backend=config.backend,
        threads=config.threads,
    )
    try:
        with watched(env), Progress("evaluation", plan.sets * plan.episodes, unit="episode") as progress:
            sets = [_play_set(network, env, config, device, seed, progress) for seed in seeds]
    finally:
        env.close()
    return {"schema": 1, "greedy": True, "split": "test", "max_steps": plan.max_steps, "sets": sets}


def _play_set(
    network: AgentNetwork, env: Any, config: RunConfig, device: torch.device, seed: int, progress: Progress
) -> dict[str, Any]:
    record: dict[str, Any] = {"seed": seed, "returns": [], "lengths": [], "truncated": 0}
    observation, _ = env.reset(seed=seed)
    while missing := config.evaluation.episodes - len(record["returns"]):
        if record["returns"]:
            observation, _ = env.reset()
        wanted = min(env.num_envs, missing)
        returns, lengths, cut = _play_round(network, env, observation, device, wanted, config.evaluation.max_steps)
        record["returns"] += returns
        record["lengths"] += lengths
        record["truncated"] += cut
        progress.advance(wanted)
    return record


def _play_round(
    network: AgentNetwork, env: Any, observation: np.ndarray, device: torch.device, wanted: int, max_steps: int | None
) -> tuple[list[float], list[int], int]:
    """One episode in each of the first `wanted` slots: returns, lengths, and how many `max_steps` cut short."""
    slots = len(observation)
    state = network.core.zero_state(slots)
    starts = np.ones(slots, dtype=bool)
    rewards, returns, lengths = np.zeros(slots), np.zeros(slots), np.zeros(slots, dtype=np.int64)
    playing = np.arange(slots) < wanted
    while playing.any() and (max_steps is None or lengths.max() < max_steps):
        logits, _, state = network.act(
            network.encode(torch.as_tensor(observation, device=device)),
            torch.as_tensor(rewards, dtype=torch.float32, device=device),
            torch.as_tensor(starts, device=device),
            state,
        )
        observation, rewards, terminated, truncated, infos = env.step(logits.argmax(dim=-1).cpu().numpy())
        starts = terminated | truncated
        returns[playing] += rewards[playing]
        lengths[playing] += 1
        playing &= ~infos.get("game_over", starts)
    return returns[:wanted].tolist(), lengths[:wanted].tolist(), int(playing.sum())
