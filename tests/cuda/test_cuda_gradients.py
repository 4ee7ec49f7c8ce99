"""On CUDA every cell and gradient method gives what autograd through the whole stream gives on the CPU.

In float64 to 1e-10. In float32 to FLOAT32_TOLERANCE of the same float64 truth: the CPU's own float32 is within 1e-6 of
it, and the GPU adds in another order, with other approximations of exp and tanh.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
from oracles import stack as oracle
from oracles.problem import EQUALS, TOLERANCE, Problem, assert_same, combinations

from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import GRADIENTS

FLOAT32_TOLERANCE = 2e-5
SIZES = {
    "small": {"unroll": 5, "segments": 3, "batch": 3, "inputs": 3, "hidden": 5},
    "wide": {"unroll": 20, "segments": 2, "batch": 5, "inputs": 17, "hidden": 70},
}


REGISTERED = [CELLS[name] for name in CELLS]
COMBINATIONS = list(combinations(REGISTERED))
# Two widths for the kernels, which run a layer at a time; what lies between layers are the same products at any width.
CASES = [
    (*combination, size) for combination in COMBINATIONS for size in SIZES if size == "small" or combination[2] == 1
]


def label(part):
    """Of a parameter in a test's name."""
    return getattr(part, "__name__", str(part))


each_type = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, TOLERANCE), (torch.float32, FLOAT32_TOLERANCE)], ids=["float64", "float32"]
)


def growth(segment):
    """The share of training that is over, for methods that grow their layers."""
    return segment / 4


@cache
def truth(cell, choice, depth, size):
    """On the CPU in float64: the problem, the gradient of the parameters, of the input, and the last carry."""
    problem = Problem(cell, depth, **SIZES[size], seed=7, **choice._asdict())
    for p in oracle.parameters(problem.layers).values():
        p.data *= SIZES[size]["hidden"] ** -0.5  # as wide as layers are initialised; an LSTM is chaotic with more
    x = problem.x.clone().requires_grad_()
    found, carry = problem.learn(x, growth)
    depths, equals = EQUALS[choice]
    expected = equals(problem) if depth in depths else found  # what the CPU's tests hold to autograd in another way
    return problem, expected, x.grad, carry


def test_every_registered_cell_and_method_is_among_them():
    assert {cell for cell, *_ in COMBINATIONS} == set(REGISTERED)
    assert {choice.method for _, choice, _ in COMBINATIONS} == set(GRADIENTS) - {
        "uoro",
        "kf_rtrl",
        "random_paths",
    }  # they draw other numbers on every device


def on_the_cpu(tensors):
    return {name: tensor.cpu() for name, tensor in tensors.items()}


@each_type
@pytest.mark.parametrize(("cell", "choice", "depth", "size"), CASES, ids=label)
def test_gradients_sensitivities_and_states_are_those_of_the_cpu(device, cell, choice, depth, size, dtype, tolerance):
    problem, gradient, of_x, carry = truth(cell, choice, depth, size)
    there = problem.to(device, dtype)
    x = there.x.clone().requires_grad_()
    found, after = there.learn(x, growth)
    assert after.state.device.type == device.type
    assert_same(on_the_cpu(found), gradient, tolerance)
    assert_same(on_the_cpu({"x": x.grad, "state": after.state}), {"x": of_x, "state": carry.state}, tolerance)
    assert_same(on_the_cpu(after.traces), on_the_cpu(carry.traces), tolerance)


@pytest.mark.parametrize(("cell", "choice", "depth"), COMBINATIONS, ids=label)
def test_a_segment_without_loss_moves_the_carry_as_on_the_cpu(device, cell, choice, depth):
    problem, _, _, _ = truth(cell, choice, depth, "small")
    there = problem.to(device)
    carries = []
    for one in (problem, there):
        carry = one.method.begin(one.x.shape[1], one.layers)
        with torch.no_grad():
            for s in one.segments():
                _, carry = one.method.segment(one.layers, one.x[s], one.starts[s], carry)
        carries.append(on_the_cpu({"state": carry.state, **carry.traces}))
    assert_same(carries[1], carries[0])
