"""The network and the R2AC update."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.cells import NAMES
from oracles.vtrace import vtrace, vtrace_cut
from r2ac_cases import ACTIONS, B, M, config, segment

from rtrl_bench.agent.policy import FactorisedActions
from rtrl_bench.agent.r2ac import Segment, loss_terms
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import NonFiniteLoss
from rtrl_bench.experiments.reinforcement.agents import make_learner, make_network


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("cell", list(CELLS))
def test_acting_sees_what_the_learner_sees(cell, across):
    torch.manual_seed(0)
    settings = config(cell=cell, gradient="rtrl" if cell in NAMES else "tbptt", last_reward_across_episodes=across)
    network = make_network(settings, (4, 84, 84), (ACTIONS,))
    data = segment((4, 84, 84))
    carry = network.core.begin(B)
    state = carry.state
    logits, values = network.heads(network.recur(data.observations, data.last_rewards, data.starts, carry)[0])
    for t in range(M):
        acted, value, state = network.act(data.observations[t], data.last_rewards[t], data.starts[t], state)
        assert torch.allclose(acted, logits[t], atol=1e-5)
        assert torch.allclose(value, values[t], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_flags_of_other_types_mean_what_they_do_as_bool(dtype):
    torch.manual_seed(0)
    network, data = make_network(config(vision="flat"), (2,), (ACTIONS,)), segment((2,))
    starts, ends, next_start = (flags.to(dtype) for flags in (data.starts, data.ends, data.next_start))
    same = replace(data, starts=starts, ends=ends, next_start=next_start)
    assert all(torch.equal(getattr(same, name), getattr(data, name)) for name in ("starts", "ends", "next_start"))
    h, _ = network.recur(data.observations, data.last_rewards, starts, network.core.begin(B))
    expected, _ = network.recur(data.observations, data.last_rewards, data.starts, network.core.begin(B))
    assert torch.equal(h, expected)
    state = torch.randn(B, 1, 6)
    acted = network.act(data.observations[0], data.last_rewards[0], starts[0], state)
    expected = network.act(data.observations[0], data.last_rewards[0], data.starts[0], state)
    assert all(torch.equal(mine, same) for mine, same in zip(acted, expected))


@pytest.mark.parametrize(("across", "first"), [(False, 0.0), (True, 1.0)])
def test_the_last_reward_is_clipped_and_crosses_an_episode_start_if_it_is_told_to(across, first):
    network = make_network(config(vision="flat", last_reward_across_episodes=across), (2,), (ACTIONS,))
    rewards, starts = torch.tensor([5.0, -0.5, 5.0]), torch.tensor([False, False, True])
    x = network._inputs(torch.zeros(3, 2), rewards, starts)
    assert x[:, -1].tolist() == [1.0, -0.5, first]


@pytest.mark.parametrize("options", [{}, {"rho_bar": 0.7, "c_bar": 0.9, "pg_rho_bar": 1.5, "vtrace_lambda": 0.6}])
def test_loss_terms_are_the_papers_sums(options):
    data = segment((2,))
    g = torch.Generator().manual_seed(1)
    logits, values = torch.randn(M, B, ACTIONS, generator=g), torch.randn(M, B, generator=g)
    bootstrap = torch.randn(B, generator=g)
    loss = config(loss=options).loss
    terms = loss_terms(logits, values, bootstrap, data, FactorisedActions((ACTIONS,)), loss)
    p = torch.softmax(logits, -1).double()
    ratios = torch.gather(p.log(), -1, data.actions[..., None])[..., 0] - data.behaviour_log_probs
    rewards, discounts = data.rewards.clamp(-1, 1), 0.99 * (~data.ends).double()
    targets, advantages = vtrace(
        *(x.numpy() for x in (ratios, rewards, discounts, values.double(), bootstrap)),
        *(loss.rho_bar, loss.c_bar, loss.pg_rho_bar, loss.vtrace_lambda),
    )
    expected = [0.0, 0.0, 0.0]
    for t in range(M):
        for b in range(B):
            expected[0] -= advantages[t, b] * float(p[t, b, data.actions[t, b]].log())
            expected[1] += 0.5 * 0.5 * (targets[t, b] - float(values[t, b])) ** 2
            expected[2] += float((p[t, b] * p[t, b].log()).sum())
    for found, truth in zip(terms, expected):
        assert float(found) == pytest.approx(truth, rel=1e-5)


def test_the_loss_of_factors_is_that_of_the_joint_actions():
    """Independent factors with logits l and k are one categorical distribution with the logits l + k of every pair."""
    data, g = segment((2,)), torch.Generator().manual_seed(1)
    first, second = torch.randn(M, B, 3, generator=g).double(), torch.randn(M, B, 2, generator=g).double()
    values, bootstrap = torch.randn(M, B, generator=g).double(), torch.randn(B, generator=g).double()
    data.actions = torch.stack([data.actions % 3, data.actions % 2], dim=-1)
    joined = copy.copy(data)
    joined.actions = 2 * data.actions[..., 0] + data.actions[..., 1]
    found = []
    for joint in (False, True):
        leaves = [logits.clone().requires_grad_() for logits in (first, second)]
        pairs = (leaves[0].unsqueeze(-1) + leaves[1].unsqueeze(-2)).flatten(-2)
        logits = pairs if joint else torch.cat(leaves, dim=-1)
        actions = FactorisedActions((6,) if joint else (3, 2))
        terms = loss_terms(logits, values, bootstrap, joined if joint else data, actions, config().loss)
        sum(terms).backward()
        found.append([*(term.detach() for term in terms), *(leaf.grad for leaf in leaves)])
    for factors, table in zip(*found, strict=True):
        assert torch.allclose(factors, table, rtol=1e-12, atol=1e-12)


def test_the_entropy_is_told_per_decision_whatever_the_number_of_factors():
    settings = config(vision="flat")
    network = make_network(settings, (2,), (ACTIONS, ACTIONS))
    torch.nn.init.zeros_(network.policy.weight)
    torch.nn.init.zeros_(network.policy.bias)
    data = segment((2,))
    data.actions = torch.stack([data.actions, data.actions], dim=-1)
    metrics, _ = make_learner(network, settings).update(data, network.core.begin(B), 0, 1)
    assert float(metrics[3]) == pytest.approx(2 * np.log(ACTIONS), rel=1e-5)


def test_a_bootstrapped_time_limit_is_v_trace_whose_return_goes_on_with_the_value_there():
    g = torch.Generator().manual_seed(1)
    settings = config(loss={"bootstrap_truncation": True, "rho_bar": 1.5, "c_bar": 0.8}).loss
    data = Segment(*(value.double() if value.is_floating_point() else value for value in vars(segment((2,))).values()))
    cuts = data.ends & (torch.rand(M, B, generator=g) < 0.5)
    assert cuts.any()
    assert (data.ends & ~cuts).any()
    data.cut_values = torch.where(cuts, torch.randn(M, B, generator=g).double(), 0.0)
    logits, values = (torch.randn(M, B, n, generator=g).double() for n in (ACTIONS, 1))
    values, bootstrap = values[..., 0], torch.randn(B, generator=g).double()
    policy, baseline, _ = loss_terms(logits, values, bootstrap, data, FactorisedActions((ACTIONS,)), settings)
    taken = torch.log_softmax(logits, -1).gather(-1, data.actions[..., None])[..., 0]
    targets, advantages = vtrace_cut(
        *(each.numpy() for each in (taken - data.behaviour_log_probs, data.rewards.clamp(-1, 1))),
        settings.discount,
        *(each.numpy() for each in (data.ends, cuts, data.cut_values, values, bootstrap)),
        settings.rho_bar,
        settings.c_bar,
        pg_rho_bar=1.0,
    )
    assert float(policy) == pytest.approx(-(advantages * taken.numpy()).sum(), rel=1e-12)
    assert float(baseline) == pytest.approx(0.25 * ((targets - values.numpy()) ** 2).sum(), rel=1e-12)


def test_the_learning_rate_falls_linearly_to_zero():
    learner = make_learner(make_network(config(vision="flat"), (2,), (ACTIONS,)), config(vision="flat"))
    assert [learner.learning_rate(s) for s in (0, 500, 1000, 1200)] == pytest.approx([6e-4, 3e-4, 0, 0])


def test_an_update_clips_the_gradient_and_takes_an_rmsprop_step():
    settings = config(vision="flat", optimiser={"gradient_clip": 0.01})
    torch.manual_seed(0)
    network = make_network(settings, (2,), (ACTIONS,))
    before = copy.deepcopy(dict(network.named_parameters()))
    learner = make_learner(network, settings)
    metrics, _ = learner.update(segment((2,)), network.core.begin(B), 0, 1)
    assert metrics[4] > 0.01
    for name, p in network.named_parameters():
        expected = before[name] - 6e-4 * p.grad / ((0.01 * p.grad**2).sqrt() + 0.01)
        assert torch.allclose(p, expected, atol=1e-7)
    norm = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
    assert float(norm) == pytest.approx(0.01, rel=1e-3)


def test_a_non_finite_loss_names_update_and_term_and_changes_nothing():
    settings = config(vision="flat")
    network = make_network(settings, (2,), (ACTIONS,))
    before = copy.deepcopy(network.state_dict())
    data = segment((2,))
    data.next_observation[0] = float("nan")
    data.ends[:] = False
    with pytest.raises(NonFiniteLoss, match=r"update 7: loss_policy = nan, loss_baseline = nan, grad_norm = nan"):
        make_learner(network, settings).update(data, network.core.begin(B), 0, 7)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_the_bootstrap_is_the_value_of_what_follows_from_the_learners_state():
    settings = config(vision="flat")
    torch.manual_seed(0)
    network = make_network(settings, (2,), (ACTIONS,))
    data = segment((2,))
    carry = network.core.begin(B)
    with torch.no_grad():
        _, after = network.recur(data.observations, data.last_rewards, data.starts, network.core.begin(B))
        _, expected, _ = network.act(data.next_observation, data.next_last_reward, data.next_start, after.state)
    seen = []
    original = network.act
    network.act = lambda *inputs: seen.append(original(*inputs)) or seen[-1]
    make_learner(network, settings).update(data, carry, 0, 1)
    assert torch.allclose(seen[0][1], expected)


def test_a_step_that_makes_a_parameter_infinite_is_named():
    settings = config(vision="flat")
    network = make_network(settings, (2,), (ACTIONS,))
    learner = make_learner(network, settings)
    learner.optimiser.step = lambda rate: learner.optimiser.parameters[0].data.fill_(float("inf"))
    with pytest.raises(NonFiniteLoss, match="update 3: its step made a parameter infinite"):
        learner.update(segment((2,)), network.core.begin(B), 0, 3)


def test_rtrl_and_full_bptt_train_the_whole_agent_alike_while_parameters_stand():
    """With a learning rate of nothing, three segments give the same gradients of the core by both methods."""
    gradients = []
    for gradient, window in (("rtrl", None), ("tbptt", "episode")):
        settings = config(vision="flat", gradient=gradient, window=window, optimiser={"learning_rate": 1e-30})
        torch.manual_seed(0)
        network = make_network(settings, (2,), (ACTIONS,)).double()
        learner = make_learner(network, settings)
        carry, found = network.core.begin(B), []
        for k in range(3):
            data = segment((2,), seed=k)
            data = Segment(*(v.double() if v.is_floating_point() else v for v in vars(data).values()))
            _, carry = learner.update(data, carry, 0, k)
            found += [p.grad.clone() for p in network.parameters()]
        gradients.append(found)
    for exact, full in zip(*gradients):
        assert torch.allclose(exact, full, rtol=1e-5, atol=1e-7)  # the stem's inputs are cast to float32
