"""How far an update of a stem goes."""

from __future__ import annotations

import copy

import pytest
import torch

from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.experiments.stems.training import StemTraining


def test_an_update_steps_by_the_learning_rate_at_its_number():
    """Adam's first step is rate · g / (|g| + 1e-8)."""
    base = {"environment": "rooms_select_nonmatching_object", "slots": 2, "buffer": 8, "batch": 4, "features": 16}
    config = StemConfig(**base, env_steps=24, learning_rate=0.02, threads=1, device="cpu")
    training = StemTraining(config, torch.device("cpu"))
    training.updates = 9  # of 12: a quarter is left
    before = copy.deepcopy(list(training.vision.parameters()))
    training.update()
    for old, p in zip(before, training.vision.parameters(), strict=True):
        assert p.grad is not None
        assert torch.allclose(p, old - 0.005 * p.grad / (p.grad.abs() + 1e-8), rtol=0, atol=1e-6)
    assert training.learning_rate == pytest.approx(0.02 / 6)
