"""Cosine and ratio of norms of two gradients, and the summary of several comparisons, by hand."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs.gradient_quality import GradientQuality, columns, compared, drawn


@pytest.mark.parametrize(
    ("found", "exact", "expected"),
    [
        ([3.0, 0.0], [1.0, 0.0], (1.0, 3.0)),
        ([-1.0, 0.0], [2.0, 0.0], (-1.0, 0.5)),
        ([3.0, 4.0], [10.0, 0.0], (0.6, 0.5)),
    ],
)
def test_cosine_and_ratio_of_norms_are_of_the_found_gradient_to_the_exact_one(found, exact, expected):
    assert compared(torch.tensor(found), torch.tensor(exact)) == pytest.approx(expected)


def test_the_updates_that_are_compared_at_differ_between_seeds():
    assert drawn(10, 1000, 0) == drawn(10, 1000, 0) != drawn(10, 1000, 1)


def test_the_summary_is_the_mean_and_the_least_of_the_rows():
    quality = GradientQuality(RecurrentStack(3, 4, 1, "elstm", "tbptt"), ())
    quality.rows = [[160, 1, 0.9, 2.0, 0.25], [320, 2, 0.5, 3.0, 0.75], [480, 3, 0.7, 7.0, 0.2]]
    assert quality.summary() == {
        "points": 3,
        "cosine_mean": pytest.approx(0.7),
        "cosine_min": 0.5,
        "cosine_lowest_mean": pytest.approx(0.4),
        "norm_ratio_mean": pytest.approx(4.0),
    }


def test_cosine_and_ratio_are_of_all_layers_and_the_lowest_cosine_is_of_the_lowest_layer():
    """Full BPTT of one segment is exact; then the lower layer's gradient l becomes 3 l and the upper one's u -2 u."""
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, 2, "elstm", "tbptt", gradient_options={"window": "episode"}).double()
    quality = GradientQuality(stack, {7})
    x, starts = torch.randn(5, 2, 3).double(), torch.zeros(5, 2, dtype=torch.bool)
    h, _ = stack(x, starts, stack.begin(2))
    h.square().sum().backward()
    lower, upper = list(stack.layers[0].parameters()), list(stack.parts()[1].parameters)
    l2, u2 = (sum(float(p.grad.square().sum()) for p in layer) for layer in (lower, upper))
    for p in lower:
        p.grad *= 3
    for p in upper:
        p.grad *= -2
    quality.compare(lambda h, state: h.square().sum(), 160, 7)
    found, exact = (9 * l2 + 4 * u2) ** 0.5, (l2 + u2) ** 0.5
    cosine, ratio = (3 * l2 - 2 * u2) / (found * exact), found / exact
    (row,) = quality.rows
    expected = {"env_steps": 160, "update": 7, "cosine": cosine, "norm_ratio": ratio, "cosine_lowest": 1.0}
    assert dict(zip(columns("env_steps"), row, strict=True)) == pytest.approx(expected)
