"""A vision stem from a finished run: found and checked before its new owner starts, then put in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig, RunConfig
from rtrl_bench.experiments.reinforcement.simulators import in_simulator
from rtrl_bench.experiments.reinforcement.stem_source import check_same_stem
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.records import finished_record

ORIGIN_KEYS = ("environment", "method", "env_steps", "env_frames", "fingerprint", "backend")  # of its run.json


@dataclass(frozen=True)
class PretrainedStem:
    """A trained stem: its parameters, the shape of the observations it takes, and what records say of its origin."""

    parameters: dict[str, Tensor]
    shape: tuple[int, ...]
    origin: dict[str, Any]

    def put_into(self, vision: nn.Module, shape: tuple[int, ...]) -> None:
        """Load the parameters into a stem for observations of `shape`; ConfigError if they do not fit."""
        if shape != self.shape:
            raise ConfigError(
                f"pretrained: its stem takes observations of shape {self.shape}, those of this run have {shape}; "
                "pre-train on an environment with the same observations"
            )
        try:
            vision.load_state_dict(self.parameters)
        except RuntimeError as error:
            what = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"pretrained: the parameters of its stem do not fit this version ({what}); train that run again"
            ) from error


def find_stem(config: RunConfig, here: Path | None = None) -> PretrainedStem | None:
    """The stem of the run that `config.pretrained` names, at the end of its training; None if no run is named.

    `here`: what a relative folder is relative to; None for the working directory.

    Raises ConfigError when there is no such run, or one with another stem; CheckpointError if its checkpoints are all
    damaged.
    """
    wanted = config.pretrained
    if wanted is None:
        return None
    source = (here or Path.cwd()) / wanted.run
    record = _complete_record(wanted, source)
    check_same_stem(config, record["config"])
    _check_same_simulator(config, record)
    saved = checkpoint.load_newest(source / "checkpoint")
    made_by = None if saved is None else (saved["fingerprint"], saved["counters"]["updates"])
    if saved is None or made_by != (record["fingerprint"], record["updates"]):
        raise ConfigError(
            f"pretrained.run = {wanted.run!r}: expected the checkpoint of its last update in checkpoint/; "
            "remove the folder and train that run again"
        )
    prefix = "vision."
    parameters = {k.removeprefix(prefix): v for k, v in saved["network"].items() if k.startswith(prefix)}
    origin = {key: record[key] for key in ORIGIN_KEYS} | {"seed": record["config"]["seed"]}
    return PretrainedStem(
        parameters,
        shape=tuple(saved["observation"].shape[1:]),
        origin=origin | {"parameters_sha256": _digest(parameters)},
    )


def _check_same_simulator(config: RunConfig, record: Mapping[str, Any]) -> None:
    """Refuse (ConfigError) a stem that saw the same environment in another simulator, where it looks otherwise.

    With `backend: auto` the run plays in the stem's: refused where that cannot run here.
    """
    if record["environment"] != config.environment:
        return
    mine, theirs = config.backend, record["simulator"]
    if mine == "auto":
        in_simulator(config, theirs, "the run's vision stem saw it in")
    elif theirs != mine:
        raise ConfigError(
            f"pretrained: its stem saw {config.environment} in {theirs}, this run plays in {mine}; "
            f"pre-train in {mine}, or set backend: {theirs}"
        )


def remade(config: RunConfig, origin: Mapping[str, Any], here: Path) -> str | None:
    """In words, how the stem at `config.pretrained` differs from `origin`, taken from it before; None if it does not.

    Training the same configuration again may give other parameters: on a GPU and in DeepMind Lab it does. None also if
    the source is gone or another run has replaced it: a run that has begun needs it no more.
    """
    try:
        stem = find_stem(config, here)
    except (ConfigError, checkpoint.CheckpointError):
        return None
    if stem is None:
        return None
    before, now = origin.get("parameters_sha256"), stem.origin["parameters_sha256"]
    return None if now == before else f"stem parameters with SHA-256 {before}, where the source has {now} now"


def _digest(parameters: Mapping[str, Tensor]) -> str:
    """The first 16 hex digits of the SHA-256 of names, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(parameters.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())  # in C order, whatever the layout
    return digest.hexdigest()[:16]


def _complete_record(wanted: PretrainedConfig, source: Path) -> dict[str, Any]:
    """The run.json of the run that is wanted."""
    record = finished_record(source)
    if record is None:
        raise ConfigError(
            f"pretrained.run = {wanted.run!r}: expected the folder of a finished run, with its run.json; "
            "train that run first, or correct the path"
        )
    if wanted.fingerprint not in (None, record["fingerprint"]):
        raise ConfigError(
            f"pretrained.fingerprint = {wanted.fingerprint!r}: the run in {wanted.run} has {record['fingerprint']!r}; "
            "name another folder, or train that run with the configuration that is meant"
        )
    missing = [key for key in (*ORIGIN_KEYS, "config", "updates") if key not in record]
    if missing:
        raise ConfigError(
            f"pretrained.run = {wanted.run!r}: its run.json has no {', '.join(missing)}; name a run that trains a stem"
        )
    return record
