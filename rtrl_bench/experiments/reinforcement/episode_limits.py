"""How long an episode of the evaluation may be. Importing this imports no torch."""

from __future__ import annotations

from rtrl_bench.envs import registry
from rtrl_bench.experiments.reinforcement.config import RunConfig

STEPS_WITHOUT_LIMIT = 10_000  # of an episode, where neither the configuration nor the environment ends it


def max_steps(config: RunConfig) -> int | None:
    """Steps at which an episode of the evaluation is cut; None: the environment ends every one by itself.

    A greedy policy may go in circles for ever. What STEPS_WITHOUT_LIMIT cuts is counted as `truncated`.
    """
    if config.evaluation.max_steps is not None or _limit(config) is not None:
        return config.evaluation.max_steps
    return STEPS_WITHOUT_LIMIT


def longest(config: RunConfig) -> int:
    """Steps of the longest episode that an evaluation can have."""
    return min(limit for limit in (max_steps(config), _limit(config)) if limit is not None)


def _limit(config: RunConfig) -> int | None:
    return registry.validate(config.environment, config.environment_options, config.backend).episode_limit
