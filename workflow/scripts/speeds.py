"""How fast runs are on this machine: from those that are finished, or measured for a second or two."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.records import finished_record
from rtrl_bench.runs.settings import build, replace

AnyConfig = RunConfig | StemConfig | CopyConfig
SECONDS, COPY_SECONDS = 1.5, 0.5  # of a measurement, besides setting up
# Steps per second hardly depend on these where a step is a picture, and larger ones take long to set up.
PICTURES, UNROLL = 8, 10


def records(results: Path) -> Iterator[tuple[AnyConfig, float]]:
    """(configuration, env steps or updates per second) of every finished run of any scale in the results folder.

    Records that are damaged or of another version of the project tell nothing here.
    """
    for part, amount in (("runs", "env_steps"), ("copy_task", "updates")):
        for path in sorted(results.glob(f"*/{part}/**/run.json")):
            record = finished_record(path.parent)
            with contextlib.suppress(ValueError, KeyError, TypeError, ZeroDivisionError):
                if record is not None:
                    kind: type[AnyConfig] = StemConfig if record.get("kind") == "stem" else RunConfig
                    config = build(kind if part == "runs" else CopyConfig, record["config"])
                    yield config, record[amount] / record["wall_s"]


def measure(config: AnyConfig, cores: int) -> float:
    """Env steps or updates per second of a run that has `cores` for itself."""
    config = replace(config, threads=config.threads or cores)
    if isinstance(config, StemConfig):
        return _measure_stem(config)
    return _measure_copy(config) if isinstance(config, CopyConfig) else _measure_run(config)


def _measure_stem(config: StemConfig) -> float:
    from rtrl_bench.experiments.stems.training import measure_speed

    return measure_speed(config, SECONDS)


def _measure_run(config: RunConfig) -> float:
    from rtrl_bench.experiments.reinforcement.run import measure_speed

    if config.vision != "flat":
        config = replace(config, unroll=min(config.unroll, UNROLL), batch=min(config.batch, PICTURES))
    return measure_speed(config, SECONDS)


def _measure_copy(config: CopyConfig) -> float:
    import torch

    from rtrl_bench.experiments.sequences.copy_task import CopyTraining
    from rtrl_bench.runs.device import choose_device

    torch.set_num_threads(config.threads)
    few = replace(config, train_size=100, valid_size=1, test_size=1)
    training = CopyTraining(few, choose_device(config.device))
    training.update()
    began = time.perf_counter()
    while training.updates == 1 or (training.updates <= config.steps and time.perf_counter() - began < COPY_SECONDS):
        training.update()
    return (training.updates - 1) / (time.perf_counter() - began)
