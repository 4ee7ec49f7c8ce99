"""Stacks of layers: what each method's gradient equals, in float64, with episodes that start inside segments."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import stack as oracle
from oracles.cells import DENSE, ELEMENTWISE
from oracles.problem import EQUALS, Problem, assert_same, combinations

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Layer, Parameters
from rtrl_bench.gradients.machinery import cross_sensitivities

each_elementwise_cell = pytest.mark.parametrize("cell_type", ELEMENTWISE, ids=lambda c: c.__name__)
each_depth = pytest.mark.parametrize("depth", [1, 2, 3])

sizes = st.fixed_dictionaries(
    {
        "unroll": st.integers(1, 5),
        "segments": st.integers(1, 4),
        "batch": st.integers(1, 3),
        "inputs": st.integers(1, 4),
        "hidden": st.integers(1, 4),
        "seed": st.integers(0, 10**6),
    }
)


@pytest.fixture(params=["all slots at once", "slot by slot"], autouse=True, scope="module")
def blocks(request):
    """Large layers are worked on a few slots at a time: make small ones do so as well."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "slot by slot":
            patch.setattr(cross_sensitivities, "ROWS_BLOCK_BYTES", 1)
        yield


def test_every_registered_method_is_held_to_what_it_says_it_equals():
    drawing = {name for name in GRADIENTS if getattr(GRADIENTS[name], "draws", False)}
    assert drawing == {"uoro"}  # which equals something on average: see test_uoro.py
    assert {choice.method for choice in EQUALS} == set(GRADIENTS) - drawing
    taken = {(choice, depth) for _, choice, depth in combinations([*ELEMENTWISE, *DENSE])}
    left_out = {(choice.method, depth) for choice, depth in taken if depth not in EQUALS[choice][0]}
    assert left_out == {("columnar", 2), ("columnar", 3)}  # which have a file of their own


@pytest.mark.parametrize(
    ("cell_type", "choice", "depth"),
    [
        (cell, choice, depth)
        for cell, choice, depth in combinations([*ELEMENTWISE, *DENSE])
        if depth in EQUALS[choice][0]
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
@settings(max_examples=10)
@given(size=sizes)
def test_a_methods_gradient_equals_autograd_with_what_it_drops_cut(cell_type, choice, depth, size):
    problem = Problem(cell_type, depth, **size, **choice._asdict())
    assert_same(problem.learn()[0], EQUALS[choice][1](problem))


@pytest.mark.parametrize("method", ["rtrl_segment", "rtrl_layerwise"])
def test_what_the_remedies_drop_is_not_nothing(method):
    problem = Problem(CELLS["elstm"], 2, 3, 4, 2, 3, 4, seed=0, method=method)
    found, exact = problem.learn()[0], problem.truth()
    assert_same({"1.weight": found["1.weight"]}, {"1.weight": exact["1.weight"]})
    assert not torch.allclose(found["0.weight"], exact["0.weight"], rtol=1e-3)


@each_depth
@settings(max_examples=10)
@given(size=sizes)
def test_rtrl_gives_the_input_the_gradient_inside_the_segment(depth, size):
    problem = Problem(CELLS["elstm"], depth, **size)
    x = problem.x.clone().requires_grad_()
    problem.learn(x)
    truth = problem.x.clone().requires_grad_()
    cut = lambda step, layer: step % problem.unroll == 0
    h = oracle.outputs(problem.cell, problem.layers, truth, problem.starts, cut)
    (problem.v * torch.tanh(h)).sum().backward()
    assert_same({"x": x.grad}, {"x": truth.grad})


def test_rtrl_layerwise_gives_the_input_the_gradient_of_the_same_step():
    problem = Problem(CELLS["elstm"], 2, 3, 3, 2, 3, 4, seed=1, method="rtrl_layerwise")
    x = problem.x.clone().requires_grad_()
    problem.learn(x)
    truth = problem.x.clone().requires_grad_()
    h = oracle.outputs(problem.cell, problem.layers, truth, problem.starts, lambda step, layer: True)
    (problem.v * torch.tanh(h)).sum().backward()
    assert_same({"x": x.grad}, {"x": truth.grad})


@each_elementwise_cell
@pytest.mark.parametrize("depth", [2, 3])
def test_the_sensitivities_carried_are_those_of_autograd(cell_type, depth):
    problem = Problem(cell_type, depth, 3, 3, 2, 2, 3, seed=3)
    _, carry = problem.learn()
    groups = depth * (depth + 1) // 2
    assert len({tuple(part for part in name.split(".") if part.isdigit()) for name in carry.traces}) == groups
    named = oracle.parameters(problem.layers)
    rows = len(problem.cell.state) * 3

    def last_states(*values):
        states = dict(zip(named, values))
        layers = [
            Layer(Parameters(*(states[f"{k}.{name}"] for name in Parameters._fields)), _Bound(layer.readout, states, k))
            for k, layer in enumerate(problem.layers)
        ]
        return oracle.states(problem.cell, layers, problem.x, problem.starts)

    jacobians = torch.autograd.functional.jacobian(last_states, tuple(p.detach() for p in named.values()))
    for upper in range(1, depth):
        for lower in range(upper):
            for (name, p), jacobian in zip(named.items(), jacobians[upper]):
                if name.startswith(f"{lower}."):
                    full = jacobian.reshape(2, rows, *p.shape)
                    assert_same({name: carry.traces[f"{upper}.{name}"]}, {name: full})


class _Bound(torch.nn.Module):
    """A readout with parameters from a dictionary, to differentiate with respect to them."""

    def __init__(self, readout, values, layer):
        super().__init__()
        prefix = f"{layer}.readout."
        self.values = {name.removeprefix(prefix): p for name, p in values.items() if name.startswith(prefix)}
        self.readout = readout

    def forward(self, x, c):
        return torch.func.functional_call(self.readout, self.values, (x, c))


@pytest.mark.parametrize("depth", [2, 3])
def test_a_segment_without_loss_moves_all_sensitivities_under_no_grad(depth):
    problem = Problem(CELLS["elstm"], depth, 3, 2, 2, 3, 4, seed=4)
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
    gc.disable()
    try:
        for _ in range(5):
            h, carry = stack(torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool), carry)
            h.sum().backward()
            del h
            counts.append(sum(type(o) is torch.Tensor for o in gc.get_objects()))
    finally:
        gc.enable()
    assert counts[-1] == counts[1]


@pytest.mark.parametrize("gradient", ["rtrl", "rtrl_segment"])
def test_misuse_of_a_carry_is_refused(gradient):
    stack = RecurrentStack(3, 4, layers=2, gradient=gradient)
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
