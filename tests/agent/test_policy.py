"""Factorised actions against the table of all joint actions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from rtrl_bench.agent.policy import FactorisedActions

SIZES = (3, 2, 4)
LOGITS = torch.from_numpy(np.random.default_rng(0).normal(size=(5, sum(SIZES)), scale=2))
JOINT = list(itertools.product(*map(range, SIZES)))


def _joint_probabilities(logits):
    """π of every joint action, number by number, for logits (9,) of one decision."""
    parts = np.split(logits, np.cumsum(SIZES)[:-1])
    single = [np.exp(part) / np.exp(part).sum() for part in parts]
    return np.array([np.prod([p[value] for p, value in zip(single, action)]) for action in JOINT])


@pytest.fixture
def actions():
    return FactorisedActions(SIZES)


def test_log_probabilities_of_actions_are_those_of_the_joint_table(actions):
    for logits in LOGITS:
        table = actions.taken(actions.log_probs(logits.expand(len(JOINT), -1)), torch.tensor(JOINT))
        np.testing.assert_allclose(table.exp().numpy(), _joint_probabilities(logits.numpy()), rtol=1e-12)


def test_the_entropy_is_that_of_the_joint_table(actions):
    for logits in LOGITS:
        p = _joint_probabilities(logits.numpy())
        found = float(actions.negative_entropy(actions.log_probs(logits)))
        assert found == pytest.approx((p * np.log(p)).sum(), rel=1e-12)


def test_the_greedy_action_is_the_most_probable_of_the_joint_table(actions):
    best = [JOINT[_joint_probabilities(logits.numpy()).argmax()] for logits in LOGITS]
    assert actions.greedy(LOGITS).tolist() == [list(action) for action in best]


def test_actions_are_drawn_as_often_as_the_joint_table_says(actions):
    count = 60_000
    noise = actions.noise(count, torch.Generator().manual_seed(0))
    drawn = actions.sample(actions.log_probs(LOGITS[0].expand(count, -1)), noise).numpy()
    assert drawn.shape == (count, 3)
    found = np.array([(drawn == action).all(axis=1).mean() for action in JOINT])
    p = _joint_probabilities(LOGITS[0].numpy())
    assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / count) + 1e-9).all()


def test_a_single_factor_is_a_plain_categorical_distribution():
    actions, logits = FactorisedActions((9,)), LOGITS.float()
    log_probs = torch.log_softmax(logits, dim=-1)
    assert torch.equal(actions.log_probs(logits), log_probs)
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    expected = torch.multinomial(log_probs.exp(), 1, generator=generators[1])
    drawn = actions.sample(log_probs, actions.noise(len(logits), generators[0]))
    assert torch.equal(drawn, expected[:, 0])
    assert torch.equal(actions.taken(log_probs, drawn), log_probs.gather(-1, expected)[:, 0])
    assert torch.equal(actions.greedy(logits), logits.argmax(-1))


def test_factors_are_drawn_as_torch_draws_each_of_them(actions):
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    log_probs = actions.log_probs(LOGITS.float())
    expected = [torch.multinomial(part.exp(), 1, generator=generators[1]) for part in log_probs.split(SIZES, dim=-1)]
    drawn = actions.sample(log_probs, actions.noise(len(LOGITS), generators[0]))
    assert torch.equal(drawn, torch.cat(expected, dim=-1))


def test_without_a_policy_any_action_is_drawn(actions):
    noise = actions.noise(2, torch.Generator().manual_seed(0))
    drawn = actions.sample(torch.full((2, sum(SIZES)), float("nan")), noise)
    assert ((drawn >= 0) & (drawn < torch.tensor(SIZES))).all()
