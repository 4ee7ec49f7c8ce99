"""How fast runs are on this machine: from those that are finished, or measured for a second or two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from rtrl_bench.config import RunConfig
from rtrl_bench.diagnostics.copy_config import CopyConfig
from rtrl_bench.settings import replace

SECONDS, COPY_SECONDS = 1.5, 0.5  # of a measurement, besides setting up
# Steps per second hardly depend on these where a step is a picture, and larger ones take long to set up.
PICTURES, UNROLL = 8, 10


def finished(results: Path) -> Iterator[tuple[Path, float]]:
    """(folder, env steps or updates per second) of every complete run of any scale below the results folder."""
    for part, amount in (("runs", "env_steps"), ("copy_task", "updates")):
        for path in sorted(results.glob(f"*/{part}/**/run.json")):
            record = json.loads(path.read_text())
            if record["status"] == "complete":
                yield path.parent, record[amount] / record["wall_s"]


def measure(config: RunConfig | CopyConfig, cores: int) -> float:
    """Env steps or updates per second of a run that has `cores` for itself; RTRL stands for its neighbours."""
    config = replace(config, threads=config.threads or cores)
    if isinstance(config, CopyConfig):
        return _measure_copy(config)
    from rtrl_bench.training.run import measure_speed

    config = replace(config, unroll=min(config.unroll, UNROLL))
    if config.cell == "elstm":
        config = replace(config, gradient="rtrl", window=None)
    if config.vision != "flat":
        config = replace(config, batch=min(config.batch, PICTURES))
    return measure_speed(config, SECONDS)


def _measure_copy(config: CopyConfig) -> float:
    import torch

    from rtrl_bench.diagnostics.copy_task import CopyTraining
    from rtrl_bench.training.records import choose_device

    torch.set_num_threads(config.threads)
    few = replace(config, train_size=100, valid_size=1, test_size=1)
    training = CopyTraining(few, choose_device(config.device))
    training.update()
    began = time.perf_counter()
    while time.perf_counter() - began < COPY_SECONDS:
        training.update()
    return (training.updates - 1) / (time.perf_counter() - began)
