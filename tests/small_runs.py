"""Small training runs for tests, and what two of them must have in common."""

from __future__ import annotations

import csv
import json
import os
import signal

import pytest
import torch

from rtrl_bench.errors import Interrupted
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs import checkpoint

TIMES = ("wall_s", "steps_per_s")


def config(**changes):
    base = {
        "environment": "tmaze",
        "environment_options": {"delay": 3},
        "env_steps": 400,
        "vision": "flat",
        "hidden": 8,
        "unroll": 5,
        "batch": 4,
        "log_points": 10,
        "evaluation": {"sets": 2, "episodes": 3},
        "threads": 1,
        "device": "cpu",
    }
    return from_dict({**base, **changes})


def game(environment, **changes):
    """The same on a simulator's images, with two slots and hardly any evaluation."""
    small = {"vision": "nature", "features": 16, "batch": 2, "evaluation": {"sets": 1, "episodes": 2, "max_steps": 20}}
    return config(environment=environment, environment_options={}, **{**small, **changes})


def curve(folder):
    rows = list(csv.DictReader((folder / "curve.csv").open()))
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def parameters(folder):
    """A run's trained parameters by name."""
    network = checkpoint.load_newest(folder / "checkpoint")["network"]
    return {name: value for name, value in network.items() if not name.endswith("_extra_state")}


def assert_same_run(one, other):
    assert curve(one) == curve(other)
    assert json.loads((one / "evaluation.json").read_text()) == json.loads((other / "evaluation.json").read_text())
    expected = parameters(other)
    assert all(torch.equal(p, expected[name]) for name, p in parameters(one).items())


def stop_after(monkeypatch, updates):
    """Send this process SIGTERM when a run has made `updates` updates."""
    original = Training.update

    def update(self):
        original(self)
        if self.counters.updates == updates:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Training, "update", update)


def interrupt(settings, folder, monkeypatch, updates, **options):
    """Begin a run, with `options` of execute, and stop it by SIGTERM when it has made `updates` updates."""
    with monkeypatch.context() as patch:
        stop_after(patch, updates)
        with pytest.raises(Interrupted, match="SIGTERM"):
            execute(settings, folder, **options)
