"""V-trace against its definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import vtrace as oracle

from rtrl_bench.agent.vtrace import vtrace


def _segment(steps, batch, discount, seed):
    """Log ratios, rewards, discounts, values (steps, batch) and bootstrap (batch,); episodes end inside the segment."""
    random = np.random.default_rng(seed)
    log_ratios, rewards, values = (random.normal(size=(steps, batch)) for _ in range(3))
    discounts = discount * (random.random((steps, batch)) > 0.2)
    return log_ratios, rewards, discounts, values, random.normal(size=batch)


THRESHOLDS = st.sampled_from([0.5, 1.0, 2.0])


@given(
    steps=st.integers(1, 40),
    batch=st.integers(1, 4),
    thresholds=st.fixed_dictionaries({"rho_bar": THRESHOLDS, "c_bar": THRESHOLDS, "pg_rho_bar": THRESHOLDS}),
    lam=st.sampled_from([0.0, 0.3, 0.95, 1.0]),
    discount=st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_vtrace_equals_its_definition(steps, batch, thresholds, lam, discount, seed):
    data = _segment(steps, batch, discount, seed)
    found = vtrace(*map(torch.from_numpy, data), **thresholds, lam=lam)
    targets, advantages = oracle.vtrace(*data, **thresholds, lam=lam)
    np.testing.assert_allclose(found.targets, targets, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.advantages, advantages, rtol=1e-11, atol=1e-12)


@given(lam=st.sampled_from([0.0, 0.3, 0.95, 1.0]), steps=st.integers(1, 8), seed=st.integers(0, 10**6))
def test_on_policy_targets_are_lambda_returns_and_advantages_the_differences_to_them(lam, steps, seed):
    _, rewards, discounts, values, bootstrap = data = _segment(steps, 3, 0.9, seed)
    found = vtrace(torch.zeros(steps, 3, dtype=torch.float64), *map(torch.from_numpy, data[1:]), lam=lam)
    returns = oracle.lambda_returns(rewards, discounts, values, bootstrap, lam)
    np.testing.assert_allclose(found.targets, returns, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.advantages, returns - values, rtol=1e-11, atol=1e-12)


def test_on_policy_targets_are_n_step_returns():
    rewards = torch.tensor([[1.0], [2.0], [3.0]])
    half = torch.full((3, 1), 0.5)
    found = vtrace(torch.zeros(3, 1), rewards, half, torch.tensor([[7.0], [-1.0], [4.0]]), torch.tensor([8.0]))
    assert torch.allclose(found.targets[:, 0], torch.tensor([1 + 0.5 * (2 + 0.5 * 7), 2 + 0.5 * 7, 3 + 0.5 * 8]))


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match="expected four"):
        vtrace(torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(3, 1), torch.zeros(3, 2), torch.zeros(2))


def test_an_infinite_threshold_cuts_nothing():
    ratios, rest = torch.log(torch.tensor([[4.0]])), torch.ones(1, 1)
    found = vtrace(ratios, rest, 0 * rest, 0 * rest, torch.zeros(1), rho_bar=float("inf"))
    assert found.targets.item() == pytest.approx(4.0)
