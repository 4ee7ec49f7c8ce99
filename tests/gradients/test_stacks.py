"""Stacks of layers: the sensitivities across layers, and what a segment leaves behind."""

from __future__ import annotations

import copy
import gc
import itertools

import pytest
import torch
from oracles import stack as oracle
from oracles.problem import Problem, assert_same

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Layer, Parameters


@pytest.mark.parametrize(("cell", "depth"), [("elstm", 3), ("rtu", 2), ("mingru", 2)])
def test_the_sensitivities_carried_are_those_of_autograd(cell, depth):
    problem = Problem(CELLS[cell], depth, 3, 3, 2, 2, 3, seed=3)
    _, carry = problem.learn()
    groups = depth * (depth + 1) // 2
    assert len({tuple(part for part in name.split(".") if part.isdigit()) for name in carry.traces}) == groups
    named = oracle.parameters(problem.layers)
    s = len(problem.cell.state)

    def last_states(*values):
        states = dict(zip(named, values))
        layers = [
            Layer(Parameters(*(states[f"{k}.{name}"] for name in Parameters._fields)), _Bound(layer.readout, states, k))
            for k, layer in enumerate(problem.layers)
        ]
        return oracle.states(problem.cell, layers, problem.x, problem.starts)

    jacobians = torch.autograd.functional.jacobian(last_states, tuple(p.detach() for p in named.values()))
    for upper, lower in itertools.product(range(depth), range(depth)):
        for (name, p), full in zip(named.items(), jacobians[upper]):  # full (B, s, N, *θ)
            if not name.startswith(f"{lower}."):
                continue
            if lower < upper:
                assert_same({name: carry.traces[f"{upper}.{name}"]}, {name: full.reshape(2, s * 3, *p.shape)})
            elif lower == upper and "readout" not in name:
                # a unit's state depends on its own row of each parameter only: the diagonal over N is all there is
                own = torch.diagonal(full, dim1=2, dim2=4).movedim(-1, 3)
                assert_same({name: carry.traces[name]}, {name: own})
                assert torch.isclose(full.square().sum(), own.square().sum(), rtol=1e-12)
            else:
                assert not full.any()


class _Bound(torch.nn.Module):
    """A readout with parameters from a dictionary, to differentiate with respect to them."""

    def __init__(self, readout, values, layer):
        super().__init__()
        prefix = f"{layer}.readout."
        self.values = {name.removeprefix(prefix): p for name, p in values.items() if name.startswith(prefix)}
        self.readout = readout

    def forward(self, x, c):
        return torch.func.functional_call(self.readout, self.values, (x, c))


def test_a_segment_without_loss_moves_all_sensitivities_under_no_grad():
    problem = Problem(CELLS["elstm"], 2, 3, 2, 2, 3, 4, seed=4)
    _, learnt = problem.learn()
    carry = problem.method.begin(2, problem.layers)
    with torch.no_grad():
        for s in problem.segments():
            _, carry = problem.method.segment(problem.layers, problem.x[s], problem.starts[s], carry)
    assert torch.equal(carry.state, learnt.state)
    assert_same(carry.traces, learnt.traces)


def test_an_episode_start_zeroes_the_cross_layer_sensitivities():
    problem = Problem(CELLS["elstm"], 2, 4, 1, 2, 3, 4, seed=5)
    problem.starts[:] = False
    problem.starts[3, 0] = True
    _, carry = problem.learn()
    tail = copy.copy(problem)
    tail.x, tail.starts, tail.v, tail.unroll = problem.x[3:], problem.starts[3:], problem.v[3:], 1
    _, short = tail.learn()
    same, other = (torch.isclose(carry.traces["1.0.weight"][k], short.traces["1.0.weight"][k]).all() for k in (0, 1))
    assert same and not other


@pytest.mark.parametrize("gradient", ["rtrl", "tbptt", "rtrl_layerwise"])
def test_acting_step_by_step_equals_the_segment(gradient):
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, layers=2, gradient=gradient)
    x, starts = torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool)
    starts[2, 1] = True
    carry = stack.begin(2)
    state = carry.state
    h, after = stack(x, starts, carry)
    for t in range(5):
        acted, state = stack.step(x[t], starts[t], state)
        assert torch.allclose(acted, h[t], atol=1e-6)
    assert torch.allclose(state, after.state, atol=1e-6)


@pytest.mark.parametrize("gradient", ["rtrl", "rtrl_segment", "rtrl_layerwise", "columnar", "tbptt"])
def test_a_segment_leaves_nothing_behind_for_the_garbage_collector(gradient):
    stack = RecurrentStack(3, 4, layers=2, gradient=gradient)
    carry, counts = stack.begin(2), []
    gc.collect()
    gc.freeze()  # what was there before need not be gone through
    gc.disable()
    try:
        for _ in range(5):
            h, carry = stack(torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool), carry)
            h.sum().backward()
            del h
            counts.append(sum(type(o) is torch.Tensor for o in gc.get_objects()))
    finally:
        gc.enable()
        gc.unfreeze()
    assert counts[-1] == counts[1]


def test_misuse_of_a_carry_is_refused():
    stack = RecurrentStack(3, 4, layers=2)
    x, starts = torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool)
    carry = stack.begin(2)
    h, after = stack(x, starts, carry)
    with pytest.raises(RuntimeError, match="go on with the carry"):
        stack(x, starts, carry)
    with pytest.raises(RuntimeError, match=r"call backward\(\)"):
        stack(x, starts, after)
    h.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="called twice"):
        h.sum().backward()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"layers": 0}, "layers = 0: expected an integer >= 1"),
        ({"layers": 2, "cell": "lstm"}, "needs an element-wise cell"),
        ({"layers": 2, "cell": "none", "gradient": "tbptt"}, "nothing to stack"),
        ({"layers": 2, "gradient": "rtrl_stepwise"}, "is for one layer; use gradient: rtrl"),
    ],
)
def test_unfit_stacks_are_refused_by_name(kwargs, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        RecurrentStack(3, 4, **kwargs)
