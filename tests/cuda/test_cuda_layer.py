"""RecurrentStack on CUDA: its carry moves there and back, and autocast leaves its arithmetic alone."""

from __future__ import annotations

import copy

import pytest
import torch
from oracles.problem import assert_same

from rtrl_bench import RecurrentStack

M, B, D = 6, 4, 5
FLOAT32_TOLERANCE = 1e-6  # half precision would round to 1e-3
CHOICES = [("elstm", "rtrl", 2), ("elstm", "tbptt", 2), ("lstm", "tbptt", 1)]


def stream(segments):
    """Random inputs (M, B, D) and starts (M, B) of so many segments."""
    g = torch.Generator().manual_seed(3)
    return [(torch.randn(M, B, D, generator=g).double(), torch.rand(M, B, generator=g) < 0.1) for _ in range(segments)]


def learn(stack, x, starts, carry):
    """One segment where the stack is: its output, and the carry after its backward pass."""
    h, carry = stack(x.to(carry.state.device), starts, carry)
    h.square().sum().backward()
    return h, carry


@pytest.mark.parametrize(("cell", "gradient", "layers"), CHOICES)
def test_a_carry_goes_to_the_device_and_back(device, cell, gradient, layers):
    torch.manual_seed(0)
    here = RecurrentStack(D, 8, layers, cell, gradient).double()
    there = copy.deepcopy(here).to(device)
    segments, expected, carry = stream(4), here.begin(B), here.begin(B)
    for x, starts in segments:
        h, expected = learn(here, x, starts, expected)
    moving = copy.deepcopy(here)
    moving.zero_grad()
    for (x, starts), stack in zip(segments, (moving, there, there, moving)):
        carry = carry.to(stack.layers[0].weight.device)
        found, carry = learn(stack, x, starts, carry)
    assert_same({"h": found, "state": carry.state}, {"h": h, "state": expected.state})
    assert_same(carry.traces, expected.traces)
    both = {name: p.grad + dict(there.named_parameters())[name].grad.cpu() for name, p in moving.named_parameters()}
    assert_same(both, {name: p.grad for name, p in here.named_parameters()})


@pytest.mark.parametrize("gradient", ["rtrl", "tbptt"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_the_stack_in_the_type_of_its_parameters(device, gradient, dtype):
    torch.manual_seed(0)
    stack = RecurrentStack(D, 8, 2, gradient=gradient).to(device)
    below = torch.nn.Linear(D, D, device=device)
    x, starts = torch.randn(M, B, D, device=device), torch.zeros(M, B, dtype=torch.bool, device=device)
    with torch.autocast(device.type, dtype=dtype):
        read = below(x)
        h, carry = stack(read, starts, stack.begin(B))
        acted, _ = stack.step(read[0], starts[0], stack.zero_state(B))
    h.square().sum().backward()
    assert read.dtype == dtype and h.dtype == carry.state.dtype == acted.dtype == torch.float32
    found = {name: p.grad.clone() for name, p in stack.named_parameters()}
    stack.zero_grad()
    plain, after = stack(read.detach().float(), starts, stack.begin(B))
    plain.square().sum().backward()
    assert_same({"h": h, "state": carry.state}, {"h": plain, "state": after.state}, FLOAT32_TOLERANCE)
    assert_same(found, {name: p.grad for name, p in stack.named_parameters()}, FLOAT32_TOLERANCE)


def test_acting_on_the_device_equals_the_segment(device):
    torch.manual_seed(0)
    stack = RecurrentStack(D, 8, 2).double().to(device)
    ((x, starts),) = stream(1)
    carry = stack.begin(B)
    state = carry.state
    h, after = stack(x.to(device), starts, carry)
    for t in range(M):
        acted, state = stack.step(x[t].to(device), starts[t], state)
        assert_same({"h": acted}, {"h": h[t]})
    assert_same({"state": state}, {"state": after.state})


def test_what_lies_on_another_device_is_refused_by_name(device):
    other = torch.device("meta" if device.type == "cpu" else "cpu")
    stack = RecurrentStack(D, 8).to(device)
    x, starts = torch.randn(M, B, D, device=other), torch.zeros(M, B, dtype=torch.bool)
    with pytest.raises(ValueError, match=f"x is on {other.type}"):
        stack(x, starts, stack.begin(B))
