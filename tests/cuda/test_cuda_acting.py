"""Acting on CUDA: replayed graphs act as plain calls do, and the host waits for nothing but the actions."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from pairs import PAIRS
from small_runs import config, game
from waits import Waits

from rtrl_bench.experiments.reinforcement import groups, replay
from rtrl_bench.experiments.reinforcement.loop import Training

ROOMS = "rooms_select_nonmatching_object"
STILL = {"learning_rate": 1e-30}  # parameters stay, so that acting alone decides what is seen
FROZEN = {"pretrained": {"run": "any"}}
CASES = {
    "vectors": config(optimiser=STILL),
    "no recurrence": config(optimiser=STILL, cell="none", gradient="tbptt"),
    "a full LSTM": config(optimiser=STILL, cell="lstm", gradient="tbptt"),
    "two layers": config(optimiser=STILL, layers=2),
    "growing": config(optimiser=STILL, layers=2, gradient="columnar", env_steps=80),
    "impala": game(ROOMS, optimiser=STILL, vision="impala"),
    "a frozen stem": game(ROOMS, optimiser=STILL, **FROZEN),
    "colours": game(ROOMS, optimiser=STILL, vision="colours"),
    "factors, cut": config(
        **PAIRS | {"environment_options": {"limit": 2}}, loss={"bootstrap_truncation": True}, optimiser=STILL
    ),
}


def segments(settings, device, updates=4):
    """What so many updates learn from, and how the acting for it reached the device."""
    training, seen = Training(settings, device), []
    update = training.learner.update
    training.learner.update = lambda segment, *others: (seen.append(copy.deepcopy(segment)), update(segment, *others))[
        1
    ]
    for _ in range(updates):
        training.update()
    training.close()
    return seen, training.actor.mode


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        for name, value in vars(other).items():
            assert torch.equal(vars(one)[name], value), name


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("deterministic", [True, False])
def test_a_replayed_graph_acts_as_plain_calls_do(device, monkeypatch, name, deterministic):
    settings = CASES[name].model_copy(update={"deterministic": deterministic})
    found, mode = segments(settings, device)
    assert mode == ("graph" if device.type == "cuda" else "eager")
    monkeypatch.setattr(replay, "apart", lambda device: False)
    expected, mode = segments(settings, device)
    assert mode == "eager"
    assert_equal(found, expected)


@pytest.mark.parametrize("name", ["impala", "a frozen stem"])
def test_acting_beside_learning_sees_what_acting_in_turn_sees_while_parameters_stay(device, monkeypatch, name):
    monkeypatch.setattr(groups, "apart", lambda device: False)  # the same episodes in one group of slots
    in_turn, beside = (segments(CASES[name].model_copy(update={"deterministic": d}), device)[0] for d in (True, False))
    for one, other in zip(beside, in_turn, strict=True):  # in turn acting goes on from the state of the learner
        for name, value in vars(other).items():
            torch.testing.assert_close(vars(one)[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["vectors", "impala", "a frozen stem"])
def test_acting_waits_for_nothing_but_the_actions_and_the_segments_end(device, name):
    training = Training(CASES[name], device)
    training.update()
    with Waits() as looked_at, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            training.actor.act(training.carry.state, 2)
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    training.close()
    assert looked_at.found == ["_local_scalar_dense"]
    assert len([w for w in said if "called a synchronizing" in str(w.message)]) == (1 if device.type == "cuda" else 0)


def test_an_update_is_waited_for_once(device):
    """Without a recurrent core, whose gradient methods have tests of their own."""
    training = Training(CASES["no recurrence"], device)
    acted = training.actor.act(training.carry.state, 1)
    training.learner.update(acted.segment, training.carry, 0, 1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            training.learner.update(acted.segment, training.carry, 0, 2)
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    training.close()
    assert len([w for w in said if "called a synchronizing" in str(w.message)]) == (1 if device.type == "cuda" else 0)
