"""What decays becomes zero before it is subnormal, and the gradient stays what it was."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rtrl_bench import RecurrentStack
from rtrl_bench.gradients.machinery import subnormal

METHODS = {
    "rtrl": {},
    "rtrl_stepwise": {"gradient": "rtrl_stepwise"},
    "tbptt": {"gradient": "tbptt"},
    "tbptt, lstm": {"gradient": "tbptt", "cell": "lstm"},
    "rtrl, two numbers a unit": {"cell": "rtu"},
    "rtrl, two layers": {"layers": 2, "hidden": 8},
}
each_method = pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)


@pytest.fixture(params=["swept", "not swept"])
def swept(request, monkeypatch):
    """Whether numbers are swept; where not, they have to turn up, or the test could not fail."""
    if request.param == "not swept":
        monkeypatch.setattr(subnormal, "NEGLIGIBLE", {})
    return request.param == "swept"


def is_subnormal(values):
    return (values != 0) & (values.abs() < torch.finfo(values.dtype).tiny)


class Results(TorchDispatchMode):
    """Counts the subnormal numbers among the results of all operations, those of the backward pass included."""

    def __init__(self):
        super().__init__()
        self.numbers = self.subnormal = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        results = func(*args, **(kwargs or {}))
        if not func.is_view and "empty" not in func.name():
            for result in tree_leaves(results):
                if isinstance(result, torch.Tensor) and result.is_floating_point():
                    self.numbers += result.numel()
                    self.subnormal += int(is_subnormal(result).sum())
        return results


def learn(options, segments=2, unroll=200):
    """The gradient of segments with a loss at their last step alone, and what was computed on the way."""
    torch.manual_seed(0)
    stack = RecurrentStack(inputs=17, **{"hidden": 32, **options})
    carry, results = stack.begin(4), Results()
    for _ in range(segments):
        x, starts = torch.randn(unroll, 4, 17, requires_grad=True), torch.rand(unroll, 4) < 0.001
        with results:
            h, carry = stack(x, starts, carry)
            h[-1].square().sum().backward()
    return {name: p.grad for name, p in stack.named_parameters() if p.grad is not None}, results


@each_method
def test_hardly_a_result_is_subnormal_with_a_loss_at_the_last_step(options, swept):
    _, results = learn(options)
    share = results.subnormal / results.numbers
    assert share < 1e-4 if swept else share > 1e-3


@each_method
def test_the_gradient_stays_the_same_number_by_number(options, monkeypatch):
    found, _ = learn(options)
    monkeypatch.setattr(subnormal, "NEGLIGIBLE", {})
    expected, _ = learn(options)
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient)


@pytest.mark.parametrize("options", [{}, {"gradient": "rtrl_stepwise"}, {"layers": 2, "hidden": 4}], ids=str)
def test_sensitivities_to_a_silent_input_do_not_stay_subnormal(options, swept):
    torch.manual_seed(0)
    stack = RecurrentStack(inputs=3, **{"hidden": 16, **options})
    carry, starts = stack.begin(2), torch.zeros(1, 2, dtype=torch.bool)
    with torch.no_grad():
        for step in range(40 * subnormal.SWEEP_SEGMENTS):
            x = torch.randn(1, 2, 3)
            if step:
                x[..., 0] = 0
            _, carry = stack(x, starts, carry)
    assert any(is_subnormal(trace).any() for trace in carry.traces.values()) == (not swept)


def test_float16_keeps_what_it_can_tell_from_zero():
    values = torch.tensor([6e-5, -6e-8, 0.05], dtype=torch.float16)
    kept = values.clone()
    subnormal.sweep(values)
    assert torch.equal(values, kept)
