"""A small agent's settings, and segments of random numbers for it to learn from."""

from __future__ import annotations

import torch

from rtrl_bench.agent.r2ac import Segment
from rtrl_bench.experiments.reinforcement.config import from_dict

M, B, ACTIONS = 4, 3, 5


def config(**changes):
    base = {"environment": "breakout", "env_steps": 1000, "vision": "nature", "features": 8, "hidden": 6, "unroll": M}
    return from_dict({**base, "batch": B, **changes})


def segment(shape, seed=0):
    g = torch.Generator().manual_seed(seed)
    images = len(shape) == 3
    return Segment(
        observations=torch.randint(0, 255, (M, B, *shape), generator=g, dtype=torch.uint8)
        if images
        else torch.randn(M, B, *shape, generator=g),
        last_rewards=torch.randn(M, B, generator=g),
        starts=torch.rand(M, B, generator=g) < 0.3,
        actions=torch.randint(0, ACTIONS, (M, B), generator=g),
        behaviour_log_probs=-torch.rand(M, B, generator=g) - 1,
        rewards=3 * torch.randn(M, B, generator=g),
        ends=torch.rand(M, B, generator=g) < 0.3,
        cut_values=torch.zeros(M, B),
        next_observation=torch.randint(0, 255, (B, *shape), generator=g, dtype=torch.uint8)
        if images
        else torch.randn(B, *shape, generator=g),
        next_last_reward=torch.randn(B, generator=g),
        next_start=torch.rand(B, generator=g) < 0.3,
    )
