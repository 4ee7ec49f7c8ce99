"""Every cell, with its readout, computes what its paper says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.cells import NAMES
from oracles.papers import PAPERS
from oracles.problem import Problem

from rtrl_bench.cells import CELLS

STREAM = {"unroll": 6, "segments": 2, "batch": 3, "inputs": 4, "seed": 1}
T, INPUTS = 12, STREAM["inputs"]


def numpy(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors}


def test_every_registered_cell_is_held_to_its_paper():
    assert set(PAPERS) == {name for name in CELLS if CELLS[name].state}, "PAPERS of tests/oracles/papers.py"


@pytest.mark.parametrize("hidden", [INPUTS, INPUTS + 1])  # a skip path may be another thing where sizes are equal
@pytest.mark.parametrize("name", PAPERS)
def test_states_and_outputs_are_those_of_the_paper(name, hidden):
    problem = Problem(CELLS[name], 1, hidden=hidden, method="rtrl" if name in NAMES else "tbptt", **STREAM)
    problem.starts[:] = False
    problem.starts[[3, 6, 8], [0, 1, 1]] = True
    (layer,) = problem.layers
    parameters, readout = numpy(layer.parameters._asdict().items()), numpy(layer.readout.named_parameters())
    h, states = _segments(problem)
    begins = problem.starts.numpy().copy()
    begins[0] = True
    for slot in range(STREAM["batch"]):
        episodes = np.flatnonzero(begins[:, slot])
        for first, last in zip(episodes, [*episodes[1:], T]):
            X = problem.x[first:last, slot].numpy()
            paper = PAPERS[name](parameters["weight"], parameters["bias"], parameters["recurrent"], readout, X)
            for step, (state, output) in enumerate(paper, first):
                np.testing.assert_allclose(states[step][slot], state, rtol=1e-12, atol=1e-14)
                np.testing.assert_allclose(h[step][slot], output, rtol=1e-12, atol=1e-13)


def _segments(problem):
    """Outputs (T, B, ·) and states (T, B, s, N), by the layer in segments of one step and of six."""
    outputs, states = [], []
    with torch.no_grad():
        carry = problem.method.begin(STREAM["batch"], problem.layers)
        for t in range(T):
            h, carry = problem.method.segment(problem.layers, problem.x[t : t + 1], problem.starts[t : t + 1], carry)
            outputs.append(h[0])
            states.append(carry.state)
        carry = problem.method.begin(STREAM["batch"], problem.layers)
        for s in problem.segments():
            h, carry = problem.method.segment(problem.layers, problem.x[s], problem.starts[s], carry)
            assert torch.allclose(h, torch.stack(outputs[s]), rtol=1e-12, atol=1e-13)
    return outputs, states


def test_an_lstm_is_torchs():
    problem = Problem(CELLS["lstm"], 1, hidden=5, method="tbptt", **STREAM)
    reference = torch.nn.LSTM(INPUTS, 5, dtype=torch.float64)
    weight, bias, recurrent = problem.layers[0].parameters
    with torch.no_grad():
        reference.weight_ih_l0.copy_(weight.flatten(0, 1))
        reference.weight_hh_l0.copy_(recurrent.flatten(0, 1))
        reference.bias_ih_l0.copy_(bias.flatten())
        reference.bias_hh_l0.zero_()
    problem.starts[:] = False
    outputs, _ = _segments(problem)
    assert torch.allclose(torch.stack(outputs), reference(problem.x)[0], rtol=1e-12)


def test_a_selective_cell_and_a_mingru_forget_alike_where_a_is_one():
    """Theorem 1 of Gu & Dao 2023: with A = -1 what is kept is 1 - σ(u)."""
    u, c, w = torch.randn(3, 2, 5).double(), torch.randn(3, 1, 5).double(), torch.zeros(1, 5).double()
    kept, *_ = CELLS["selective"]().partials(u, c, w)
    assert torch.allclose(kept, CELLS["mingru"]().partials(u, c, w)[0], rtol=1e-12)


def test_a_minlstm_keeps_nothing_where_both_gates_underflow():
    u = torch.tensor([-200.0, -200.0, 3.0]).view(1, 3, 1)
    cell, c, w = CELLS["minlstm"](), torch.ones(1, 1, 1), torch.empty(0, 1)
    assert cell.step(u, c, w).item() == 3
    assert all(torch.isfinite(part).all() for part in cell.partials(u, c, w))
