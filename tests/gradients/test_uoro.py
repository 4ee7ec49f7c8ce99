"""UORO: its definition with the same signs; and that it and KF-RTRL are exact on average, for stacks as well."""

from __future__ import annotations

import copy

import pytest
import torch
from oracles import influence
from oracles.problem import Problem, assert_same, at_segments

from rtrl_bench import Carry, RecurrentStack
from rtrl_bench.cells import CELLS

EPSILON = 1e-7


def problem_of(cell, depth=1, batch=2, method="uoro"):
    problem = Problem(CELLS[cell], depth, 3, 3, batch, 2, 3, seed=3, method=method)
    for layer in problem.layers:
        for p in layer.parameters:
            p.data *= 0.5
    return problem


def defined(problem, signs):
    """Algorithm 1 of Tallec & Ollivier 2018 for one layer, slot by slot; signs (T, B, n)."""
    total = 0.0
    for slot, steps in enumerate(influence.steps(problem, 0)):
        for step, nu in zip(steps, signs[:, slot]):
            if step.begins or step is steps[0]:
                s, theta = torch.zeros_like(nu), torch.zeros_like(step.direct[0])
            s, direct = step.J @ s, nu @ step.direct
            rho0 = (theta.norm() / (s.norm() + EPSILON)).sqrt() + EPSILON
            rho1 = (direct.norm() / (nu.norm() + EPSILON)).sqrt() + EPSILON
            s, theta = rho0 * s + rho1 * nu, theta / rho0 + direct / rho1
            total = total + (step.g @ s) * theta
    return total


def recurrence(gradient):
    return torch.cat([g.flatten() for name, g in gradient.items() if "readout" not in name])


@pytest.mark.parametrize("cell", ["elstm", "lru", "lstm"])
def test_a_draw_is_what_the_papers_algorithm_gives_with_the_same_signs(cell):
    problem = problem_of(cell)
    torch.manual_seed(5)
    generator = problem.method.begin(2, problem.layers).generator
    shape = (2, len(problem.cell.state), 3)
    signs = torch.stack([torch.randint(0, 2, shape, generator=generator) * 2.0 - 1 for _ in problem.x])
    torch.manual_seed(5)
    found = recurrence(problem.learn()[0])
    assert_same({"all": found}, {"all": defined(problem, signs.double().flatten(2))})


@pytest.mark.parametrize(
    ("method", "cell", "depth"),
    [("uoro", "elstm", 1), ("uoro", "rnn", 2), ("kf_rtrl", "lstm", 1), ("kf_rtrl", "rnn", 2)],
)
def test_the_mean_over_draws_comes_to_the_exact_gradient_as_one_over_the_root_of_their_number(method, cell, depth):
    """Every slot has the same stream and signs of its own, so one run is as many draws."""
    one = problem_of(cell, depth, batch=1, method=method)
    exact = recurrence(at_segments(one, by_layer=True))
    torch.manual_seed(0)
    groups, draws, many = 32, 1000, copy.copy(one)
    many.x, many.starts, many.v = (part.expand(-1, draws, *part.shape[2:]) for part in (one.x, one.starts, one.v))
    errors = torch.stack([recurrence(many.learn()[0]) / draws - exact for _ in range(groups)])
    rms = lambda errors: errors.square().sum(dim=1).mean().sqrt() / exact.norm()
    print(
        f"{method}, {cell} x {depth}: one draw's deviation is {rms(errors) * draws**0.5:.1f} times the gradient's norm"
    )
    deviation = errors.std(dim=0) / groups**0.5  # of the mean over all groups, number by number
    assert (errors.mean(dim=0).abs() < 5 * deviation).all()
    of_sixteen = rms(errors.unflatten(0, (2, 16)).mean(dim=1)) / rms(errors)
    assert 0.1 < of_sixteen < 0.5  # 0.25 is expected
    assert errors.mean(dim=0).norm() < 0.05 * exact.norm()


def test_a_run_resumes_bit_for_bit(tmp_path):
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, 2, "lstm", "uoro")
    x, starts = torch.randn(3, 5, 2, 3), torch.rand(3, 5, 2) < 0.1
    carry, found = stack.begin(2), []
    for k in (0, 1, 2):
        if k == 2:
            torch.save(carry.state_dict(), tmp_path / "carry.pt")
        stack.zero_grad()
        h, carry = stack(x[k], starts[k], carry)
        h.sum().backward()
        found.append([p.grad.clone() for p in stack.parameters()])
    resumed = Carry.from_state_dict(torch.load(tmp_path / "carry.pt", weights_only=True))
    stack.zero_grad()
    stack(x[2], starts[2], resumed)[0].sum().backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(stack.parameters(), found[2]))
