"""What a run is predicted to need, against what a process of its own took; and what does not fit is refused."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch
from small_runs import config

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement import memory_needed
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.memory_needed import run_parts
from rtrl_bench.experiments.sequences.training import Training as SequenceTraining
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.process import give_back_freed_memory
from rtrl_bench.runs.settings import replace
from rtrl_bench.system.machine import peak_resident_bytes, restart_peak

CPU = torch.device("cpu")
CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = [
    "pytest",
    "rtrl_bench.experiments.reinforcement.loop",
    "rtrl_bench.experiments.sequences.training",
    "analysis.report",
]


def train(settings, folder):
    """Some updates and a checkpoint, from where the last one in `folder` was; the prediction."""
    state = checkpoint.load_newest(folder)
    training = Training(settings, CPU)
    if state is not None:
        training.restore(state)
    del state
    replayed = {None: 0, "episode": LONGEST}.get(settings.window, settings.window)
    for _ in range(2 + replayed // settings.unroll):
        training.update()
    checkpoint.save(folder, training.state(), training.counters.updates)
    training.close()
    return memory_needed.run_parts(settings, training.env.single_observation_space.shape, training.env.action_sizes)


def copy(settings, folder):
    """The same of a sequence task, which is tested too."""
    training = SequenceTraining(settings, CPU)
    for _ in range(3):
        training.update()
    training.accuracy(training.valid)
    checkpoint.save(folder, training.state(), training.updates)
    return run_parts(settings, training.task)


def alone(work, settings, small, folder):
    torch.set_num_threads(1)
    work(small, Path(tempfile.mkdtemp(dir=folder.parent)))  # what is set up once does not count
    give_back_freed_memory()
    held = restart_peak()
    parts = work(settings, folder)
    return peak_resident_bytes() - held, sum(parts.values())


def measured(work, settings, small, folder):
    """Bytes that `work(settings)` took at most in a process of its own, and those predicted."""
    CONTEXT.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, CONTEXT) as pool:
        return pool.submit(alone, work, settings, small, folder).result()


DEEP = {"layers": 2, "hidden": 96, "batch": 8, "unroll": 2}  # nearly all of it sensitivities across layers
LONGEST = 80
TMAZE = {"environment_options": {"delay": LONGEST}}
IMAGES = {"environment": "rooms_watermaze", "environment_options": {}, "features": 256}
RUNS = {
    "sensitivities": DEEP,
    "parameters": {"hidden": 2048, "batch": 2, "gradient": "tbptt"},
    "a segment": {"hidden": 512, "batch": 32, "unroll": 100, "gradient": "tbptt"},
    "a window": {"hidden": 512, "batch": 32, "unroll": 20, "window": 80, "gradient": "tbptt"},
    "whole episodes": {"hidden": 256, "batch": 32, "window": "episode", "gradient": "tbptt", **TMAZE},
    "a stem": {**IMAGES, "vision": "nature", "hidden": 128, "batch": 8, "unroll": 50},
    "a stem and two segments": {**IMAGES, "vision": "nature", "batch": 8, "unroll": 50, "deterministic": False},
    "a deep stem": {**IMAGES, "vision": "impala", "hidden": 128, "batch": 4, "unroll": 20},
    "a frozen stem": {**IMAGES, "vision": "nature", "hidden": 512, "batch": 16, "pretrained": {"run": "any"}},
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_takes_what_was_predicted(tmp_path, name):
    settings = config(env_steps=10**9, **RUNS[name])
    small = replace(settings, hidden=4, batch=2, unroll=5, window=10 if settings.window == 80 else settings.window)
    taken, predicted = measured(train, settings, small, tmp_path / "run")
    assert predicted > 30e6
    assert 0.75 < taken / predicted < 1.33, (taken, predicted)


def test_a_resumed_run_takes_no_more(tmp_path):
    settings = config(env_steps=10**9, **DEEP)
    train(settings, tmp_path / "run")
    taken, predicted = measured(train, settings, replace(settings, hidden=4), tmp_path / "run")
    assert 0.75 < taken / predicted < 1.33, (taken, predicted)


BPTT = {"update": "sequence", "gradient": "tbptt", "window": "episode"}
COPIES = {
    "sequences": {"task_options": {"length": 50}, "train_size": 100_000},
    "parameters": {"hidden": 2048, "batch": 16},
    "whole sequences": {"hidden": 512, "batch": 64, "task_options": {"length": 50}, **BPTT},
    "the test": {"valid_size": 1024, "task_options": {"length": 1000}},
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_run_takes_what_was_predicted(tmp_path, name):
    base = {"task": "copy", "task_options": {"length": 3}, "steps": 100, "hidden": 8, "train_size": 10}
    small = SequenceConfig(**base, valid_size=10, test_size=10)
    taken, predicted = measured(copy, replace(small, **COPIES[name]), small, tmp_path / "run")
    assert predicted > 30e6
    assert 0.75 < taken / predicted < 1.33, (taken, predicted)


@pytest.mark.parametrize(
    "sizes",
    [
        {"gradient": "tbptt", "unroll": 10**6, "hidden": 4096},
        {"batch": 10**6, "unroll": 10**4},
        {"hidden": 10**6, "layers": 2},
        {"cell": "none", "gradient": "tbptt", "unroll": 10**6, "batch": 10**6},
        {"cell": "lstm", "gradient": "tbptt", "hidden": 10**6, "unroll": 10**3},
    ],
)
def test_a_run_that_fits_on_no_machine_is_refused_before_its_simulator_is_made(monkeypatch, sizes):
    monkeypatch.setattr(registry, "make", None)
    with pytest.raises(ConfigError, match=r"needs [\d,]+ bytes \(.* GB: .*\), more than the .* GB that are free"):
        Training(config(**sizes), CPU)


COPY_SIZES = [
    {"train_size": 10**9},
    {"hidden": 10**6, "batch": 10**4},
    {"task_options": {"length": 10**6}},
    {"hidden": 10**5, "batch": 10**3, **BPTT},
]


@pytest.mark.parametrize("sizes", COPY_SIZES)
def test_a_copy_run_that_fits_on_no_machine_is_refused_before_it_makes_its_data(sizes):
    base = {"task": "copy", "steps": 100}
    with pytest.raises(ConfigError, match=r"train_size = .* needs [\d,]+ bytes .*sequences.* that are free"):
        SequenceTraining(SequenceConfig(**{**base, **sizes}), CPU)
