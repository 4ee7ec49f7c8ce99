"""Whether the parts that a configuration names are there and fit together."""

from __future__ import annotations

from rtrl_bench.agent import vision
from rtrl_bench.cells import CELLS
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.gradients import make_method
from rtrl_bench.runs import gradient_quality


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
    cell.check_retention(config.retention)
