"""Columnar stacks of several layers: which layer learns, what it shows, and how far it has grown."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from oracles import stack as oracle
from oracles.problem import SIZES, Problem, assert_same

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError


def columnar_stage(segment):
    """Two stages of two segments each."""
    return segment / 4


@settings(max_examples=10)
@given(size=SIZES)
def test_columnar_trains_the_newest_layer_exactly_and_no_other(size):
    size = {**size, "segments": 4}
    problem = Problem(CELLS["elstm"], 2, **size, method="columnar")
    gradient, _ = problem.learn(progress=columnar_stage)
    first, second = columnar_truth(problem)
    expected = {name: first[name] if name.startswith("0.") else second[name] for name in gradient}
    assert_same(gradient, expected)


def columnar_truth(problem):
    """Autograd through the whole stream, with layer 1 absent in the first half and layer 0 fixed in the second."""
    half = len(problem.x) // 2
    leaves = [oracle.copied(layer) for layer in problem.layers]
    states = [torch.zeros(problem.x.shape[1], 1, problem.v.shape[-1] // 2, dtype=torch.float64) for _ in leaves]
    losses = [torch.zeros(()), torch.zeros(())]
    for t, (x, start, v) in enumerate(zip(problem.x, problem.starts, problem.v)):
        outputs = []
        for number in range(1 if t < half else 2):
            read = torch.cat([x, *outputs], dim=-1)
            states[number], h = oracle.step(problem.cell, leaves[number], read, start, states[number])
            if t >= half and number == 0:
                states[0], h = states[0].detach(), h.detach()
            outputs.append(h)
        if t < half:
            outputs.append(torch.zeros_like(outputs[0]))
        losses[t >= half] = losses[t >= half] + (v * torch.tanh(torch.cat(outputs, dim=-1))).sum()
    gradients = []
    for loss in losses:
        named = oracle.parameters(leaves)
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True, materialize_grads=True)
        gradients.append(dict(zip(named, found)))
    return gradients


def test_columnar_keeps_the_output_of_layers_that_have_not_grown_at_zero_when_acting_and_learning():
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, layers=3, gradient="columnar")
    x, starts = torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool)
    for progress, grown in ((0.0, 1), (0.4, 2), (0.99, 3), (1.0, 3)):
        stack.progress = progress
        carry = stack.begin(2)
        state = carry.state
        h, _ = stack(x, starts, carry)
        assert torch.equal(h[..., 4 * grown :], torch.zeros_like(h[..., 4 * grown :]))
        assert (h[..., : 4 * grown] != 0).all()
        for t in range(5):
            acted, state = stack.step(x[t], starts[t], state)
            assert torch.allclose(acted, h[t], atol=1e-6)


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("gradient", ["columnar", "rtrl"])
def test_a_progress_that_is_no_share_is_refused(gradient, progress):
    stack = RecurrentStack(3, 4, layers=2, gradient=gradient)
    with pytest.raises(ConfigError, match=f"progress = {progress}: expected a share .* from 0 to 1"):
        stack.progress = progress
    assert stack.progress == 0


def test_how_far_columns_have_grown_is_saved_with_the_parameters():
    stack, other = (RecurrentStack(3, 4, layers=2, gradient="columnar") for _ in range(2))
    stack.progress = 0.7
    other.load_state_dict(stack.state_dict())
    assert other.method.grown == 2
