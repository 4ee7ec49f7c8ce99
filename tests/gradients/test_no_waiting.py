"""Where a device computes beside the program, a segment asks it for nothing: no number is read, no mask counted."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from oracles.methods import METHODS
from torch.utils._python_dispatch import TorchDispatchMode

from rtrl_bench import RecurrentStack
from rtrl_bench.gradients.machinery import episodes

each_method = pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)


class NoWaiting(TorchDispatchMode):
    """Fails where the program would wait for a device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"), name
        assert name != "index" or all(i is None or i.dtype != torch.bool for i in args[1]), "indexed by a mask"
        return func(*args, **(kwargs or {}))


def train(options, watched):
    """The gradients and traces of three segments in which episodes begin, the last without a loss."""
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, **options).double()
    carry = stack.begin(3)
    for number in range(3):
        x, starts = torch.randn(6, 3, 3, dtype=torch.float64), torch.rand(6, 3) < 0.2
        with watched, torch.set_grad_enabled(number < 2):
            h, carry = stack(x, starts, carry)
            if number < 2:
                h.square().sum().backward()
    return {name: p.grad for name, p in stack.named_parameters()} | carry.traces | {"state": carry.state}


@each_method
def test_a_segment_never_waits_for_the_device(options, monkeypatch):
    monkeypatch.setattr(episodes, "LISTED", set())
    train(options, NoWaiting())


@each_method
def test_masks_give_what_lists_give(options, monkeypatch):
    expected = train(options, nullcontext())
    monkeypatch.setattr(episodes, "LISTED", set())
    for name, value in train(options, nullcontext()).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-12)
