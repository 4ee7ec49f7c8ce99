"""What the comparison of a method's gradient with the exact one says where the answer is known."""

from __future__ import annotations

import pytest
import torch
from small_runs import config

from rtrl_bench.diagnostics.gradient_quality import GradientQuality
from rtrl_bench.layer import RecurrentStack


def cosines(gradient, window=None, layers=2, segments=6, learning_rate=0.0):
    """Rows of a comparison at every segment of a random stream."""
    torch.manual_seed(0)
    settings = config(
        env_steps=20 * segments, gradient=gradient, window=window, layers=layers, gradient_quality=segments
    )
    stack = RecurrentStack(3, 6, layers, gradient=gradient, window=window, retention=20.0).double()
    quality = GradientQuality(stack, settings)
    carry = stack.begin(4)
    for number in range(segments):
        x, starts = torch.randn(5, 4, 3).double(), torch.rand(5, 4) < 0.05
        v = torch.randn(5, 4, 6).double()

        def loss(h, state, v=v):
            return (v * torch.tanh(h)).sum()

        stack.zero_grad()
        h, carry = stack(x, starts, carry)
        loss(h, carry.state).backward()
        quality.compare(loss, 20 * number, number + 1)
        with torch.no_grad():
            for p in stack.parameters():
                p -= learning_rate * p.grad
    return quality.rows


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("gradient", "window"), [("rtrl", None), ("tbptt", "episode")])
def test_an_exact_gradient_has_cosine_and_ratio_one_while_parameters_stand(gradient, window, layers):
    for row in cosines(gradient, window, layers):
        assert row[2:] == pytest.approx([1, 1, 1], abs=1e-12)


@pytest.mark.parametrize("gradient", ["tbptt", "rtrl_segment", "rtrl_layerwise"])
def test_an_approximate_gradient_has_a_cosine_below_one(gradient):
    rows = cosines(gradient)
    assert all(row[2] < 1 - 1e-6 and row[4] < 1 - 1e-6 for row in rows[1:])
    assert all(row[2] > 0.1 for row in rows)


def test_carried_sensitivities_are_stale_once_parameters_move():
    (*_, moved), (*_, stood) = cosines("rtrl", learning_rate=0.05), cosines("rtrl")
    assert moved[2] < 1 - 1e-6 < stood[2]


def test_a_single_layer_of_layerwise_rtrl_is_exact():
    assert all(row[2] == pytest.approx(1, abs=1e-12) for row in cosines("rtrl_layerwise", layers=1))
