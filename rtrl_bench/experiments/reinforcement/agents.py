"""The agent that a configuration describes: whether its parts are there and fit, and what they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import torch

from rtrl_bench.agent import vision
from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.r2ac import R2AC, Loss
from rtrl_bench.cells import CELLS
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement import truncation
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.gradients import make_method
from rtrl_bench.optimisers import RMSProp
from rtrl_bench.runs import gradient_quality
from rtrl_bench.runs.recurrent_memory import stack_of


def check_choices(config: RunConfig) -> None:
    """Refuse unknown names and unfit combinations before anything is made (UnknownName, ConfigError)."""
    found = registry.validate(config.environment, config.environment_options, config.backend)
    if config.loss.bootstrap_truncation and not any(backend.truncates for backend in found.backends):
        raise ConfigError(
            f"loss.bootstrap_truncation = true: the simulator of {config.environment} does not tell a time "
            "limit from an end; remove the key"
        )
    cell = CELLS[config.cell]()
    make_method(config.gradient, cell, config.layers, config.method_options)
    vision.VISION[config.vision]
    gradient_quality.check(config)
    truncation.check(config)
    cell.check_retention(config.retention)


def make_network(config: RunConfig, shape: tuple[int, ...], action_sizes: Sequence[int]) -> AgentNetwork:
    """The network for observations of `shape` and actions whose factors have `action_sizes` values each."""
    stem = vision.build(config.vision, shape, config.features)
    return AgentNetwork(
        stem,
        stack_of(config, stem.output_size + 1),
        action_sizes,
        frozen_vision=config.pretrained is not None,
        precision=getattr(torch, config.precision),
        reward_clip=config.loss.reward_clip,
        last_reward_across_episodes=config.last_reward_across_episodes,
    )


def make_learner(network: AgentNetwork, config: RunConfig) -> R2AC:
    """What trains the network over the budget of `config`."""
    o = config.optimiser
    trained = (p for p in network.parameters() if p.requires_grad)
    return R2AC(
        network,
        RMSProp(trained, o.alpha, o.epsilon, o.momentum),
        Loss(**{field.name: getattr(config.loss, field.name) for field in fields(Loss)}),
        learning_rate=o.learning_rate,
        gradient_clip=o.gradient_clip,
        decay_steps=o.decay_steps or config.env_steps,
    )
