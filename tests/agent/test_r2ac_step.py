"""What an update of R2AC descends, and how far it goes, against the loss and the step written out."""

from __future__ import annotations

import copy

import pytest
import torch
from oracles.vtrace import vtrace
from r2ac_cases import ACTIONS, B, M, config, segment

from rtrl_bench.experiments.reinforcement.agents import make_learner, make_network


def written_out(network, data, entropy_cost, baseline_cost):
    """Policy term, baseline term and entropy term of a first segment, each with its cost: a differentiable sum."""
    h, carry = network.recur(data.observations, data.last_rewards, data.starts, network.core.begin(B))
    logits, values = network.heads(h)
    _, bootstrap, _ = network.act(data.next_observation, data.next_last_reward, data.next_start, carry.state)
    log_probs = logits.log_softmax(-1)
    targets, advantages = vtrace(
        (log_probs.detach().gather(-1, data.actions[..., None])[..., 0] - data.behaviour_log_probs).numpy(),
        data.rewards.clamp(-1, 1).numpy(),
        0.99 * (~data.ends).numpy(),
        values.detach().numpy(),
        bootstrap.numpy(),
    )
    total = torch.zeros(())
    for t in range(M):
        for b in range(B):
            total = total - advantages[t, b] * log_probs[t, b, data.actions[t, b]]
            total = total + baseline_cost / 2 * (targets[t, b] - values[t, b]) ** 2
            for a in range(ACTIONS):
                total = total + entropy_cost * log_probs[t, b, a].exp() * log_probs[t, b, a]
    return total


def test_the_gradient_of_an_update_is_that_of_policy_baseline_and_entropy_each_at_its_cost():
    settings = config(
        vision="flat",
        loss={"entropy_cost": 3.0, "baseline_cost": 0.7},
        optimiser={"gradient_clip": 1e9},
    )
    torch.manual_seed(0)
    network, data = make_network(settings, (2,), (ACTIONS,)), segment((2,))
    parameters = list(network.parameters())
    expected = torch.autograd.grad(written_out(network, data, 3.0, 0.7), parameters)
    make_learner(network, settings).update(data, network.core.begin(B), 0, 1)
    for p, gradient in zip(parameters, expected, strict=True):
        assert torch.allclose(p.grad, gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("env_steps", "rate"), [(500, 3e-4), (1000, 0.0)])
def test_an_update_steps_by_the_learning_rate_at_its_number_of_steps(env_steps, rate):
    """RMSProp's first step is rate · g / (√(0.01 g²) + 0.01)."""
    settings = config(vision="flat")  # 6e-4 at first, nothing after 1000 steps
    torch.manual_seed(0)
    network = make_network(settings, (2,), (ACTIONS,))
    before = copy.deepcopy(list(network.parameters()))
    make_learner(network, settings).update(segment((2,)), network.core.begin(B), env_steps, 1)
    for old, p in zip(before, network.parameters(), strict=True):
        assert torch.allclose(p, old - rate * p.grad / (0.1 * p.grad.abs() + 0.01), rtol=0, atol=1e-6)
