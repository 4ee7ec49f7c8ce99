"""A cell's derivatives and its step in place, for every element-wise cell, against autograd and finite differences."""

from __future__ import annotations

import pytest
import torch
from oracles import stack as oracle
from oracles.cells import ELEMENTWISE
from oracles.problem import Problem

from rtrl_bench.cells import CELLS

each_cell = pytest.mark.parametrize("cell_type", ELEMENTWISE, ids=lambda c: c.__name__)


def one_step(cell):
    """Random u (B, K, N), c (B, s, N) and w of a cell."""
    g = torch.Generator().manual_seed(0)
    shapes = (4, len(cell.gates), 5), (4, len(cell.state), 5), cell.recurrent_shape(5)
    return tuple(torch.randn(*shape, generator=g, dtype=torch.float64) for shape in shapes)


@each_cell
def test_partials_equal_autograd_jacobians_of_step(cell_type):
    cell = cell_type()
    u, c, w = one_step(cell)
    for found, argument in zip(cell.partials(u, c, w), range(3)):
        jacobian = torch.autograd.functional.jacobian(cell.step, (u, c, w))[(1, 0, 2)[argument]]
        if argument < 2:  # (B, s, N, B, R, N): the diagonals over B and N
            own = torch.diagonal(torch.diagonal(jacobian, dim1=0, dim2=3), dim1=1, dim2=3).permute(2, 0, 1, 3)
        else:  # (B, s, N, K', N)
            own = torch.diagonal(jacobian, dim1=2, dim2=4)
        assert torch.allclose(found, own, rtol=1e-12, atol=1e-14)


@each_cell
def test_the_step_in_place_equals_step(cell_type):
    cell = cell_type()
    u, c, w = one_step(cell)
    expected = cell.step(u, c, w)
    assert torch.allclose(cell.step_(u, c, w), expected, rtol=1e-12, atol=1e-15)


def test_elstm_steps_in_place_to_float32_accuracy():
    cell = CELLS["elstm"]()
    u = torch.linspace(-20, 20, 10_001, dtype=torch.float64).expand(1, 2, -1) * torch.tensor([[0.1], [1.0]])
    c, w = torch.linspace(-1, 1, 10_001, dtype=torch.float64).expand(1, 1, -1), torch.ones(2, 10_001).double()
    found = cell.step_(u.float(), c.float(), w.float())
    assert (found - cell.step(u, c, w)).abs().max() < 1e-6


@each_cell
def test_finite_differences_agree_with_rtrl(cell_type):
    problem = Problem(cell_type, 1, 4, 2, 3, 3, 4, seed=2)
    gradient, _ = problem.learn()
    g = torch.Generator().manual_seed(0)
    for name, p in oracle.parameters(problem.layers).items():
        direction, values = torch.randn(p.shape, generator=g, dtype=p.dtype), []
        with torch.no_grad():
            for shift in (1e-7, -2e-7):  # so small because of phases that turn fast, and of the kink of a relu
                p += shift * direction
                h = oracle.outputs(problem.cell, problem.layers, problem.x, problem.starts)
                values.append((problem.v * torch.tanh(h)).sum())
            p += 1e-7 * direction
        slope = (values[0] - values[1]) / 2e-7
        assert torch.isclose((gradient[name] * direction).sum(), slope, rtol=1e-5, atol=1e-5), name
