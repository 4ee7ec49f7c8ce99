"""Acting beside learning: one update behind, whatever the timing, and with nothing lost when a run stops."""

from __future__ import annotations

import copy
import json
import time

import pytest
import torch
from small_runs import assert_same_run, config, curve, interrupt

from rtrl_bench.errors import EnvironmentFailed, NonFiniteLoss
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.actor import Actor
from rtrl_bench.experiments.reinforcement.loop import Training

CPU = torch.device("cpu")


def overlapped(**changes):
    return config(deterministic=False, **changes)


def in_turn_one_behind(settings, updates):
    """The same by hand, without threads: parameters behind the last of the updates."""
    training = Training(config(**{"seed": settings.seed}), CPU)
    network, actor = training.network, training.actor
    behaviour = actor.network = copy.deepcopy(network)
    acted = actor.act(training.carry.state, 1)
    for number in range(1, updates + 1):
        before = copy.deepcopy(network.state_dict())
        _, training._carry = training.learner.update(
            acted.segment, training.carry, (number - 1) * training.per_update, number
        )
        behaviour.load_state_dict(before)
        acted = actor.act(acted.state, number + 1)
    training.close()
    return dict(network.named_parameters())


@pytest.mark.parametrize("slow", ["act", "update"])
def test_acting_is_one_update_behind_whichever_is_the_slower(monkeypatch, slow):
    settings = overlapped()
    expected = in_turn_one_behind(settings, 6)
    training = Training(settings, CPU)
    target = training.actor if slow == "act" else training.learner
    original = getattr(target, slow)

    def late(*arguments):
        time.sleep(0.02)
        return original(*arguments)

    monkeypatch.setattr(target, slow, late)
    for _ in range(6):
        training.update()
    training.close()
    assert all(torch.equal(p, expected[name]) for name, p in training.network.named_parameters())


def test_what_was_acted_differs_from_acting_in_turn(tmp_path):
    execute(config(), tmp_path / "in_turn")
    execute(overlapped(), tmp_path / "overlapped")
    assert curve(tmp_path / "in_turn") != curve(tmp_path / "overlapped")


@pytest.mark.parametrize("updates", [1, 7, 19])
def test_an_overlapped_run_resumes_bit_for_bit(tmp_path, monkeypatch, updates):
    execute(overlapped(), tmp_path / "whole")
    interrupt(overlapped(), tmp_path / "cut", monkeypatch, updates)
    assert execute(overlapped(), tmp_path / "cut")["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize(("deterministic", "lag"), [(True, 0), (False, 1)])
def test_the_record_tells_the_lag(tmp_path, deterministic, lag):
    assert execute(config(deterministic=deterministic), tmp_path)["policy_lag"] == lag
    assert json.loads((tmp_path / "run.json").read_text())["config"]["deterministic"] is deterministic


def test_nothing_is_acted_that_no_update_learns_from(tmp_path, monkeypatch):
    acted, original = [], Actor.act
    monkeypatch.setattr(
        Actor, "act", lambda self, state, number: (acted.append(number), original(self, state, number))[1]
    )
    record = execute(overlapped(), tmp_path)
    assert acted == list(range(1, record["updates"] + 1))


def test_a_simulator_that_fails_beside_an_update_ends_the_run(tmp_path, monkeypatch):
    original = Actor._step

    def step(self, actions):
        if self.env.steps == 33:
            raise EnvironmentFailed("tmaze failed: on purpose")
        return original(self, actions)

    monkeypatch.setattr(Actor, "_step", step)
    with pytest.raises(EnvironmentFailed, match="on purpose"):
        execute(overlapped(), tmp_path)


def test_an_update_that_fails_waits_for_the_simulator_before_closing_it(tmp_path, monkeypatch):
    ended, original, close = [], Actor.act, Training.close

    def act(self, state, number):
        acted = original(self, state, number)
        time.sleep(0.05)
        ended.append(number)
        return acted

    def closing(self):
        ended.append("closed")
        close(self)

    def update(self):
        if self.counters.updates == 4:
            with torch.no_grad():
                self.network.baseline.bias.fill_(float("inf"))
        whole(self)

    whole = Training.update
    monkeypatch.setattr(Actor, "act", act)
    monkeypatch.setattr(Training, "close", closing)
    monkeypatch.setattr(Training, "update", update)
    with pytest.raises(NonFiniteLoss, match="update 5: loss_policy"):
        execute(overlapped(), tmp_path)
    assert ended == [1, 2, 3, 4, 5, 6, "closed"]


def test_torchs_threads_are_shared_out_and_given_back():
    torch.set_num_threads(2)
    try:
        training = Training(overlapped(threads=2), CPU)
        try:
            assert torch.get_num_threads() == 1
            training.update()
        finally:
            training.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
