"""V-trace against its definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import vtrace as oracle

from rtrl_bench.agent.vtrace import vtrace


@given(
    steps=st.integers(1, 9),
    batch=st.integers(1, 4),
    rho_bar=st.sampled_from([0.5, 1.0, 2.0]),
    c_bar=st.sampled_from([0.5, 1.0, 2.0]),
    discount=st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_vtrace_equals_its_definition(steps, batch, rho_bar, c_bar, discount, seed):
    random = np.random.default_rng(seed)
    log_ratios, rewards, values = (random.normal(size=(steps, batch)) for _ in range(3))
    discounts = discount * (random.random((steps, batch)) > 0.2)  # episodes end inside the segment
    bootstrap = random.normal(size=batch)
    arguments = [torch.from_numpy(a) for a in (log_ratios, rewards, discounts, values, bootstrap)]
    found = vtrace(*arguments, rho_bar=rho_bar, c_bar=c_bar)
    targets, advantages = oracle.vtrace(log_ratios, rewards, discounts, values, bootstrap, rho_bar, c_bar)
    np.testing.assert_allclose(found.targets, targets, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.advantages, advantages, rtol=1e-11, atol=1e-12)


def test_on_policy_targets_are_n_step_returns():
    rewards = torch.tensor([[1.0], [2.0], [3.0]])
    half = torch.full((3, 1), 0.5)
    found = vtrace(torch.zeros(3, 1), rewards, half, torch.tensor([[7.0], [-1.0], [4.0]]), torch.tensor([8.0]))
    assert torch.allclose(found.targets[:, 0], torch.tensor([1 + 0.5 * (2 + 0.5 * 7), 2 + 0.5 * 7, 3 + 0.5 * 8]))


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match="expected four"):
        vtrace(torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(3, 1), torch.zeros(3, 2), torch.zeros(2))
