"""In which simulator a run plays where `backend: auto` leaves it open. Imports no torch.

The same environment looks otherwise in another one. So a run ends in the simulator that it began in, and begins in the
one that its vision stem has seen.
"""

from __future__ import annotations

from pathlib import Path

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.runs.records import finished_record
from rtrl_bench.runs.settings import replace


def chosen(config: RunConfig) -> registry.Backend:
    """The backend that makes the run's environments here."""
    return registry.chosen_backend(config.environment, config.backend, config.environment_options)


def in_simulator(config: RunConfig, name: str, why: str) -> RunConfig:
    """The settings to make environments in simulator `name`; no checkpoint is of their fingerprint.

    ConfigError, which says `why` this simulator, if it cannot run here.
    """
    if name == config.backend:
        return config
    found = registry.check_available(config.environment, name, config.environment_options)
    if not found.ok:
        mine = chosen(config).name
        raise ConfigError(
            f"{config.environment}: {why} {name}, which cannot run here: {found.reason}; {found.fix}"
            + (f", or begin another run in {mine}" if mine != name else "")
        )
    return replace(config, backend=name)


def with_simulator_of_stem(config: RunConfig, here: Path | None = None) -> RunConfig:
    """The settings to make environments with, where `backend: auto` follows the vision stem of the same environment.

    `here`: what a relative folder is relative to; None for the working directory. A stem that is not there yet, or no
    more, decides nothing.
    """
    if config.backend != "auto" or config.pretrained is None:
        return config
    record = finished_record((here or Path.cwd()) / config.pretrained.run)
    if record is None or record.get("environment") != config.environment:
        return config
    return replace(config, backend=record["simulator"])
