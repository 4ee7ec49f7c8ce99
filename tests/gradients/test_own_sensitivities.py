"""How the sensitivities of many slots are moved: a few at a time, which changes nothing."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench import RecurrentStack
from rtrl_bench.gradients.machinery import own_sensitivities

BYTES_PER_SLOT = 2 * 4 * 5 * 8


@pytest.mark.parametrize(("together", "in_a_call"), [(1, 1), (3, 1), (3, 2), (5, 3), (7, 7), (100, 4)])
def test_sensitivities_move_alike_however_slots_are_grouped(monkeypatch, together, in_a_call):
    found = []
    for sizes in ((1000, 1000), (together, in_a_call)):
        for name, slots in zip(("SLOT_BLOCK_BYTES", "CALL_BYTES"), sizes):
            monkeypatch.setattr(own_sensitivities, name, slots * BYTES_PER_SLOT)
        torch.manual_seed(0)
        stack = RecurrentStack(5, 4).double()
        carry, starts = stack.begin(7), torch.zeros(6, 7, dtype=torch.bool)
        starts[2, 1] = starts[0, 3] = starts[4, 6] = True
        for _ in range(3):
            h, carry = stack(torch.randn(6, 7, 5, dtype=torch.float64), starts, carry)
            h.sum().backward()
        found.append([*carry.traces.values(), *(p.grad for p in stack.parameters())])
    assert all(torch.allclose(one, other, rtol=1e-12, atol=1e-14) for one, other in zip(*found))
