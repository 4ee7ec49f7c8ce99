"""Greedy evaluation: one episode per slot, cut and counted honestly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rtrl_bench.config import from_dict
from rtrl_bench.envs import registry
from rtrl_bench.training import evaluate as module
from rtrl_bench.training.loop import Training


def trained(**changes):
    base = {"environment": "tmaze", "environment_options": {"delay": 3}, "env_steps": 100, "vision": "flat"}
    settings = from_dict({**base, "hidden": 8, "batch": 2, "threads": 1, **changes})
    return Training(settings, torch.device("cpu")).network, settings


def test_more_episodes_than_slots_are_played_in_rounds(monkeypatch):
    monkeypatch.setattr(module, "MAX_SLOTS", 4)
    network, settings = trained(evaluation={"sets": 2, "episodes": 10})
    found = module.evaluate(network, settings, torch.device("cpu"))
    assert [len(s["returns"]) for s in found["sets"]] == [10, 10]
    assert all(length == 4 for s in found["sets"] for length in s["lengths"])


@pytest.mark.parametrize(("process_per_slot", "slots"), [(True, 2), (False, 5)])
def test_slots_that_are_processes_are_no_more_than_in_training(monkeypatch, process_per_slot, slots):
    network, settings = trained(evaluation={"sets": 1, "episodes": 5})
    spec = registry.spec("tmaze")
    backend = replace(spec.backends[0], process_per_slot=process_per_slot)
    monkeypatch.setitem(registry.ENVIRONMENTS._things, "tmaze", replace(spec, backends=(backend,)))
    made, make = [], registry.make
    monkeypatch.setattr(registry, "make", lambda name, count, **more: made.append(count) or make(name, count, **more))
    (one,) = module.evaluate(network, settings, torch.device("cpu"))["sets"]
    assert (made, len(one["returns"])) == ([slots], 5)


def test_deepmind_lab_is_a_process_per_slot_and_the_embedded_levels_are_not():
    backends = {b.name: b.process_per_slot for b in registry.spec("rooms_watermaze").backends}
    assert backends == {"deepmind_lab": True, "rooms": False}


def test_an_episode_beyond_max_steps_is_cut_and_counted():
    network, settings = trained(evaluation={"sets": 1, "episodes": 5, "max_steps": 2})
    (one,) = module.evaluate(network, settings, torch.device("cpu"))["sets"]
    assert one["truncated"] == 5
    assert one["lengths"] == [2] * 5


def test_sets_differ_and_are_reproducible():
    network, settings = trained(evaluation={"sets": 2, "episodes": 40})
    one, two = (module.evaluate(network, settings, torch.device("cpu"))["sets"] for _ in range(2))
    assert one == two
    assert one[0]["seed"] != one[1]["seed"]


def test_actions_are_greedy():
    network, settings = trained(evaluation={"sets": 1, "episodes": 64})
    with torch.no_grad():
        network.policy.weight.zero_()
        network.policy.bias.copy_(torch.tensor([0.0, 1e-3]))  # action 1 always, though nearly as likely as action 0
    returns = module.evaluate(network, settings, torch.device("cpu"))["sets"][0]["returns"]
    env = module.registry.make(
        "tmaze", 64, seed=module.derived_seed(settings.seed, 1, 0), split="test", options={"delay": 3}
    )
    env.reset()
    for _ in range(4):
        _, rewards, *_ = env.step(np.ones(64, dtype=np.int64))
    assert returns == rewards.tolist()
