"""Losses and right answers, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from rtrl_bench.experiments.sequences.answers import losses, right
from rtrl_bench.experiments.sequences.tasks import make_task


def test_the_loss_of_bits_is_the_sum_of_their_cross_entropies_in_nat():
    task, both = make_task("flipflop", {"channels": 2}), torch.ones(1, 1, 2, dtype=torch.uint8)
    expected = math.log1p(math.exp(-2)) + math.log1p(math.e)
    assert losses(task, torch.tensor([[[2.0, -1.0]]]), both).item() == pytest.approx(expected)


def test_bits_are_right_if_all_are():
    task, both = make_task("flipflop", {"channels": 2}), torch.ones(1, 1, 2, dtype=torch.uint8)
    found = [bool(right(task, torch.tensor([[outputs]]), both)) for outputs in ([2.0, -1.0], [2.0, 1.0])]
    assert found == [False, True]


def test_the_loss_of_a_value_is_the_squared_error():
    assert losses(make_task("adding", {}), torch.full((1, 1, 1), 0.7), torch.full((1, 1, 1), 0.4)).item() == (
        pytest.approx(0.09)
    )


def test_the_loss_of_a_symbol_is_the_cross_entropy_of_the_one_that_follows():
    outputs, y = torch.zeros(1, 1, 7), torch.zeros(1, 1, 8, dtype=torch.uint8)
    outputs[..., 2], y[..., 0], y[..., 3] = 3, 2, 1  # y: the symbol, then which ones may follow
    assert losses(make_task("reber", {}), outputs, y).item() == pytest.approx(math.log(6 + math.exp(3)) - 3)
