"""Runs on other people's spaces: several action factors, observations of parts, episodes that a time limit cuts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pairs import PAIRS
from small_runs import config

from rtrl_bench.cli import main
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.agents import make_network
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.trained import trained_network


def test_a_run_with_factors_is_trained_evaluated_and_evaluated_again(tmp_path, capsys):
    record = execute(config(**PAIRS), tmp_path)
    assert record["status"] == "complete"
    assert record["suite"] == "gymnasium"
    trained = trained_network(config(**PAIRS), tmp_path)
    assert (trained.observation_shape, trained.action_sizes) == ((5,), (3, 2))
    assert main(["evaluate", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "evaluation.json").read_text())


def test_factors_are_learnt():
    learning = {"optimiser": {"learning_rate": 0.02, "epsilon": 1e-5}, "batch": 16, "loss": {"discount": 0.0}}
    training = Training(config(**PAIRS, env_steps=16_000, **learning), torch.device("cpu"))
    while not training.finished:
        training.update()
    training.close()
    assert np.mean(training.interval.returns[-100:]) > 2.5  # 3 at best, 0.5 by chance


@pytest.mark.parametrize("overlapped", [False, True])
def test_the_value_at_a_time_limit_is_that_of_the_episodes_last_observation(overlapped):
    """Each slot by hand: the environment again with the same seeds and actions, the network step by step."""
    options = {"environment_options": {"limit": 2}}
    settings = config(**PAIRS | options, loss={"bootstrap_truncation": True}, deterministic=not overlapped, batch=2)
    training = Training(settings, torch.device("cpu"))
    network, seen, taken = training.actor.network, [], []
    step = training.env.step

    def record(actions):
        result = step(actions)
        seen.append(result)
        taken.append(actions)
        return result

    training.env.step = record
    first = torch.from_numpy(training.actor.observation)
    segment = training.actor.act(network.core.zero_state(2), 1).segment
    state, observation = network.core.zero_state(2), first
    rewards, starts = torch.zeros(2), torch.ones(2, dtype=torch.bool)
    for t, (following, reward, terminated, truncated, infos) in enumerate(seen):
        _, _, state = network.act(observation, rewards, starts, state)
        rewards = torch.from_numpy(reward)
        assert truncated.tolist() == [t % 2 == 1] * 2
        assert not terminated.any()
        expected = torch.zeros(2)
        if truncated.any():
            last = torch.from_numpy(infos["final_observations"])
            expected = network.act(last, rewards, torch.zeros(2, dtype=torch.bool), state)[1]
            assert (expected != 0).all()
        assert torch.equal(segment.cut_values[t], expected)
        observation, starts = torch.from_numpy(following), torch.from_numpy(truncated)
    training.close()


@pytest.mark.parametrize(("limit", "asked"), [(2, False), (4, True), (3, True)])
def test_without_the_option_or_at_an_end_nothing_is_bootstrapped(limit, asked):
    options = {"environment_options": {"limit": limit}, "loss": {"bootstrap_truncation": asked}}
    training = Training(config(**PAIRS | options), torch.device("cpu"))
    segment = training.actor.act(training.network.core.zero_state(4), 1).segment
    training.close()
    assert segment.ends.any()
    assert not segment.cut_values.any()


def test_the_option_changes_what_is_learnt():
    parameters = []
    for asked in (False, True):
        options = {"environment_options": {"limit": 2}, "loss": {"bootstrap_truncation": asked}}
        training = Training(config(**PAIRS | options), torch.device("cpu"))
        training.update()
        parameters.append(training.network.baseline.weight.detach().clone())
        training.close()
    assert not torch.equal(*parameters)


def test_a_network_with_factors_has_a_logit_for_every_value():
    assert make_network(config(**PAIRS), (5,), (3, 2)).policy.out_features == 5
