"""RTRL along random paths: its definition with the paths that were drawn, and what it is with none and with all."""

from __future__ import annotations

import pytest
import torch
from oracles import influence
from oracles.problem import Problem, assert_same, at_segments

from rtrl_bench.cells import CELLS


def problem_of(cell, depth, paths):
    return Problem(CELLS[cell], depth, 3, 3, 2, 2, 4, seed=3, method="random_paths", options={"paths": paths})


def defined(problem, drawn):
    """S ← (R ⊙ J) S + ∂c/∂θ for one layer, R written out for each slot; drawn (B, N, k)."""
    total = 0.0
    for slot, steps in enumerate(influence.steps(problem, 0)):
        N, s = len(drawn[slot]), len(problem.cell.state)
        R = torch.zeros(N, N).double()
        for unit, sources in enumerate(drawn[slot].tolist()):
            R[unit, sources] = 1
        R, S = R.repeat(s, s), torch.zeros_like(steps[0].direct)
        for step in steps:
            S = (R * step.J) @ (torch.zeros_like(S) if step.begins else S) + step.direct
            total = total + step.g @ S
    return total


@pytest.mark.parametrize("cell", ["rnn", "lstm", "rtu"])
def test_it_is_rtrl_with_all_but_the_drawn_entries_of_the_jacobian_zero(cell):
    problem = problem_of(cell, 1, 2)
    torch.manual_seed(0)
    gradient, carry = problem.learn()
    drawn = carry.traces["0.paths"]
    assert all(len(set(units)) == 2 for units in drawn.flatten(0, 1).tolist())
    found = torch.cat([gradient[f"0.{name}"].flatten() for name in ("weight", "bias", "recurrent")])
    assert_same({"all": found}, {"all": defined(problem, drawn)})


@pytest.mark.parametrize(
    ("paths", "equals"),
    [
        (0, lambda problem: problem.truth(lambda step, layer: True)),
        (4, lambda problem: at_segments(problem, by_layer=True)),
    ],
    ids=["none", "all"],
)
def test_no_path_gives_the_present_steps_gradient_and_all_paths_the_exact_one(paths, equals):
    for cell, depth in (("lstm", 1), ("rnn", 2)):
        problem = problem_of(cell, depth, paths)
        found, expected = problem.learn()[0], equals(problem)
        assert_same({"top": found[f"{depth - 1}.weight"]}, {"top": expected[f"{depth - 1}.weight"]})
        if paths:
            assert_same(found, expected)
