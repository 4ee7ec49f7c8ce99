"""What the gradient of every method equals, alone and stacked, in float64, with episodes that start inside segments."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import stack as oracle
from oracles.cells import DENSE, ELEMENTWISE, ELEMENTWISE_KINDS
from oracles.problem import EQUALS, SIZES, Choice, Problem, assert_same, combinations

from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery import cross_sensitivities, elementwise, own_sensitivities

CELLS_TRIED = [*ELEMENTWISE, *DENSE]
ALL = list(combinations(CELLS_TRIED))
HELD = [(cell, choice, depth) for cell, choice, depth in ALL if depth in EQUALS[choice][0]]


def named(part):
    return getattr(part, "__name__", str(part))


def test_every_registered_method_and_cell_is_held_to_what_the_method_says_it_equals():
    drawing = {name for name in GRADIENTS if getattr(GRADIENTS[name], "draws", False)}
    assert all((Path(__file__).parent / f"test_{name}.py").exists() for name in drawing)
    assert {choice.method for choice in EQUALS} == set(GRADIENTS) - drawing, "EQUALS of tests/oracles/problem.py"
    assert {choice for _, choice, _ in HELD} == set(EQUALS)
    assert {cell for cell, _, _ in HELD} == set(CELLS_TRIED)
    left_out = {(choice.method, depth) for _, choice, depth in ALL if depth not in EQUALS[choice][0]}
    assert left_out == {("columnar", 2), ("columnar", 3)}  # which have a file of their own


@pytest.mark.parametrize(("cell_type", "choice", "depth"), [one for one in HELD if one[2] < 3], ids=named)
@settings(max_examples=5)
@given(size=SIZES)
def test_a_methods_gradient_equals_autograd_with_what_it_drops_cut(cell_type, choice, depth, size):
    problem = Problem(cell_type, depth, **size, **choice._asdict())
    assert_same(problem.learn()[0], EQUALS[choice][1](problem))


@pytest.mark.parametrize(("cell_type", "choice"), [one[:2] for one in HELD if one[2] == 3], ids=named)
def test_so_does_that_of_three_layers(cell_type, choice):
    problem = Problem(cell_type, 3, 3, 3, 2, 3, 4, seed=1, **choice._asdict())
    assert problem.starts[1:].any()
    assert_same(problem.learn()[0], EQUALS[choice][1](problem))


@pytest.mark.parametrize("cell", ELEMENTWISE_KINDS)
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("choice", [Choice("rtrl"), Choice("tbptt", (("window", "episode"),))], ids=str)
def test_work_done_on_a_few_steps_and_slots_at_a_time_gives_the_same(choice, depth, cell, monkeypatch):
    """As large problems do: here small ones do so as well."""
    monkeypatch.setattr(elementwise, "BLOCK_BYTES", 200)
    monkeypatch.setattr(own_sensitivities, "SLOT_BLOCK_BYTES", 300)
    monkeypatch.setattr(own_sensitivities, "CALL_BYTES", 200)
    monkeypatch.setattr(cross_sensitivities, "ROWS_BLOCK_BYTES", 1)
    problem = Problem(CELLS[cell], depth, 7, 3, 4, 3, 5, seed=6, **choice._asdict())
    assert_same(problem.learn()[0], problem.truth())


@pytest.mark.parametrize(("cell", "depth"), [("elstm", 1), ("rtu", 2), ("lstm", 1)])
@settings(max_examples=5)
@given(size=SIZES, extra=st.integers(0, 9))
def test_tbptts_window_equals_autograd_cut_at_the_window(cell, depth, size, extra):
    window = size["unroll"] + extra
    problem = Problem(CELLS[cell], depth, **size, method="tbptt", options={"window": window})
    expected = {name: torch.zeros_like(p) for name, p in oracle.parameters(problem.layers).items()}
    for s in problem.segments():  # the loss of one segment at a time
        v = torch.zeros_like(problem.v)
        v[s] = problem.v[s]
        cut = lambda step, layer, first=s.stop - window: step == first
        part = oracle.gradient(problem.cell, problem.layers, problem.x, problem.starts, v, cut)
        expected = {name: total + part[name] for name, total in expected.items()}
    assert_same(problem.learn()[0], expected)


@pytest.mark.parametrize(
    ("method", "cell", "depth", "same_step"),
    [
        *(("rtrl", cell, depth, False) for cell in ELEMENTWISE_KINDS for depth in (1, 2)),
        ("rtrl", "elstm", 3, False),
        ("rtrl_stepwise", "rtu", 1, False),
        ("tbptt", "elstm", 2, False),
        ("rtrl_dense", "gru", 1, False),
        ("rtrl_layerwise", "elstm", 2, True),
        ("rtrl_layerwise", "rtu", 1, True),
    ],
)
def test_the_input_gets_the_gradient_inside_the_segment_or_of_the_same_step(method, cell, depth, same_step):
    problem = Problem(CELLS[cell], depth, 3, 3, 2, 3, 4, seed=1, method=method)
    x = problem.x.clone().requires_grad_()
    problem.learn(x)
    truth = problem.x.clone().requires_grad_()
    cut = lambda step, layer: same_step or step % problem.unroll == 0
    h = oracle.outputs(problem.cell, problem.layers, truth, problem.starts, cut)
    (problem.v * torch.tanh(h)).sum().backward()
    assert_same({"x": x.grad}, {"x": truth.grad})


@pytest.mark.parametrize("method", ["rtrl_segment", "rtrl_layerwise"])
def test_what_the_remedies_drop_is_not_nothing(method):
    problem = Problem(CELLS["elstm"], 2, 3, 4, 2, 3, 4, seed=0, method=method)
    found, exact = problem.learn()[0], problem.truth()
    assert_same({"1.weight": found["1.weight"]}, {"1.weight": exact["1.weight"]})
    assert not torch.allclose(found["0.weight"], exact["0.weight"], rtol=1e-3)


def test_textbook_rtrl_back_propagates_for_the_input_alone(monkeypatch):
    """The parameters' gradient is that of the sensitivities, so where the input needs none, nothing goes back."""
    problem = Problem(CELLS["elstm"], 1, 3, 1, 2, 3, 4, seed=1, method="rtrl_stepwise")
    monkeypatch.delattr("rtrl_bench.gradients.rtrl_stepwise.in_segment_gradient")
    assert_same(problem.learn()[0], problem.truth())
