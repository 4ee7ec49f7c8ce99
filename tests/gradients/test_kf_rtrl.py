"""KF-RTRL: its definition with the same signs. That it is exact on average stands in test_uoro.py."""

from __future__ import annotations

import pytest
import torch
from oracles import influence
from oracles.problem import Problem, assert_same

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS, DenseCell
from rtrl_bench.errors import ConfigError

EPSILON = 1e-7


def defined(problem, signs):
    """Mujika et al. 2018 for one layer, slot by slot, the product v ⊗ A written out; signs (T, 2, B)."""
    (layer,), total = problem.layers, 0.0
    gates, units, inputs = layer.parameters.weight.shape
    states = influence.states(problem, 0)
    for slot, steps in enumerate(influence.steps(problem, 0)):
        for t, step in enumerate(steps):
            if step.begins or t == 0:
                v, A = torch.zeros(inputs + units + 1).double(), torch.zeros(len(step.J), gates * units).double()
                h = torch.zeros(units).double()
            a = torch.cat([problem.x[t, slot], h, torch.ones(1).double()])
            D = step.direct[:, gates * units * inputs :][:, : gates * units]  # ∂c/∂b, the same as ∂c/∂z
            p_1 = ((step.J @ A).norm() / (v.norm() + EPSILON)).sqrt() + EPSILON
            p_2 = (D.norm() / (a.norm() + EPSILON)).sqrt() + EPSILON
            keep, renew = signs[t, :, slot]
            v, A = keep * p_1 * v + renew * p_2 * a, keep / p_1 * step.J @ A + renew / p_2 * D
            total = total + torch.outer(step.g @ A, v)
            h = states[t, slot, 0]
    W, U, b = total.unflatten(0, (gates, units)).split([inputs, units, 1], dim=-1)
    return {"0.weight": W, "0.bias": b[..., 0], "0.recurrent": U}


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_draw_is_what_the_papers_recursions_give_with_the_same_signs(cell):
    problem = Problem(CELLS[cell], 1, 3, 3, 2, 2, 3, seed=3, method="kf_rtrl")
    torch.manual_seed(5)
    generator = problem.method.begin(2, problem.layers).generator
    signs = torch.stack([torch.randint(0, 2, (2, 2), generator=generator) * 2.0 - 1 for _ in problem.x])
    torch.manual_seed(5)
    found = problem.learn()[0]
    assert_same(found, defined(problem, signs.double()))


@pytest.mark.parametrize("cell", [name for name in CELLS if issubclass(CELLS[name], DenseCell)])
def test_it_takes_the_cells_whose_direct_sensitivities_are_a_kronecker_product_and_refuses_the_others(cell):
    problem = Problem(CELLS[cell], 1, 1, 3, 1, 2, 3, seed=0, method="rtrl_dense")
    problem.starts[:] = False
    (steps,), states = influence.steps(problem, 0), influence.states(problem, 0)
    gates, units, inputs = problem.layers[0].parameters.weight.shape
    D = steps[2].direct[:, gates * units * inputs :][:, : gates * units]
    product = torch.einsum("nz,d->nzd", D, states[1, 0, 0]).flatten(1)  # as ∂c/∂U would be
    found = steps[2].direct[:, gates * units * (inputs + 1) :]
    if found.shape == product.shape and torch.allclose(found, product, atol=1e-12):
        RecurrentStack(2, 3, cell=cell, gradient="kf_rtrl")
    else:
        with pytest.raises(ConfigError, match=r"kf_rtrl needs a cell whose gates all read W x \+ U h \+ b"):
            RecurrentStack(2, 3, cell=cell, gradient="kf_rtrl")
