"""What the cells' parameters are at the start: as their papers say, or such that a unit remembers for `retention`."""

from __future__ import annotations

import pytest
import torch
from oracles.cells import NAMES

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS, DenseCell
from rtrl_bench.errors import ConfigError

INPUTS, UNITS = 6, 20_000


def initialised(name, retention=None):
    """A cell and its weight, bias and w at the start."""
    torch.manual_seed(0)
    cell = CELLS[name]()
    shapes = (len(cell.gates), UNITS, INPUTS), (len(cell.gates), UNITS), cell.recurrent_shape(UNITS)
    parameters = [torch.empty(shape) for shape in shapes]
    cell.initialise(*parameters, retention)
    return cell, *parameters


def kept(name, retention=None):
    """What every unit multiplies its content by at a step without input: the modulus of λ, for a state near zero."""
    cell, _, bias, w = initialised(name, retention)
    c = torch.full((1, len(cell.state), UNITS), 1e-9)
    lam, _, _ = cell.partials(bias[None] + 1e-4, c, w)  # above zero, where a relu lets it pass
    return torch.linalg.det(lam[0].movedim(-1, 0)).abs().pow(1 / len(cell.state))


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("retention", [5.0, 100.0])
def test_retention_is_the_longest_of_evenly_spread_memories_in_steps(cell, retention):
    share = kept(cell, retention)
    steps = share / (1 - share)  # u / (1 + u) is kept, with u in U(1, retention)
    shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    found, wanted = steps.quantile(shares), 1 + (retention - 1) * shares
    assert torch.allclose(found, wanted, rtol=0.1), (found, wanted)


@pytest.mark.parametrize(("name", "gate"), [("lstm", "f"), ("gru", "z")])
def test_retention_sets_the_bias_of_the_gate_that_keeps_a_dense_state(name, gate):
    stack = RecurrentStack(3, 400, cell=name, gradient="tbptt", retention=20.0)
    bias = dict(zip(stack.cell.gates, stack.parts()[0].parameters.bias.detach()))
    steps = bias.pop(gate).exp()  # σ(b) / (1 - σ(b))
    assert 1 <= steps.min() and 18 < steps.max() <= 20
    assert all(other.abs().max() <= 400**-0.5 for other in bias.values())


def test_a_leaky_unit_keeps_its_content_for_the_papers_ten_steps_or_for_retention():
    cell, *_, w = CELLS["leaky_rnn"](), *(torch.empty(1, 400, columns) for columns in (3, 401))
    cell.initialise(torch.empty(1, 400, 3), torch.empty(1, 400), w, None)
    assert torch.allclose(1 / (1 - cell.kept(w)), torch.tensor(10.0))
    cell.initialise(torch.empty(1, 400, 3), torch.empty(1, 400), w, 20.0)
    steps = cell.kept(w) / (1 - cell.kept(w))
    assert 1 <= steps.min() < 2 and 18 < steps.max() <= 20


@pytest.mark.parametrize("cell", NAMES)
def test_the_papers_initialisation_is_another(cell):
    assert not torch.allclose(kept(cell).median(), kept(cell, 30.0).median(), rtol=0.02)


@pytest.mark.parametrize("cell", [name for name in CELLS if not CELLS[name].retentive])
def test_retention_is_refused_for_a_cell_without_a_parameter_for_it(cell):
    with pytest.raises(ConfigError, match=r"retention = 20.0: cell .* has no parameter .*; remove the key"):
        RecurrentStack(3, 4, cell=cell, gradient="tbptt", retention=20.0)


def test_retention_is_refused_for_a_dense_cell_that_names_no_gate_that_keeps_its_state():
    class Forgetful(DenseCell):
        gates = ("h",)

    with pytest.raises(
        ConfigError, match=r"retention = 20.0: cell Forgetful .*; set its keeping, or retentive = False"
    ):
        Forgetful().initialise(torch.empty(1, 4, 3), torch.empty(1, 4), torch.empty(1, 4, 4), 20.0)


@pytest.mark.parametrize("cell", ["lru", "rtu", "rtu_nonlinear"])
def test_complex_units_are_spread_evenly_over_the_unit_disc(cell):
    nu, theta = initialised(cell)[-1][:2]
    area = torch.exp(-2 * torch.exp(nu))
    for share in (area, torch.exp(theta) / 6.28):
        assert torch.allclose(share.quantile(torch.tensor([0.1, 0.5, 0.9])), torch.tensor([0.1, 0.5, 0.9]), atol=0.03)


@pytest.mark.parametrize("name", ["lru", "rtu", "rtu_nonlinear"])
@pytest.mark.parametrize("retention", [None, 100.0])
def test_complex_units_keep_the_variance_of_their_input(name, retention):
    """|λ|² + γ² = 1, so a stream of variance 1 gives a state of variance 1 (Orvieto et al. 2023, section 3.4)."""
    cell, _, bias, w = initialised(name, retention)
    lam, alpha, _ = cell.partials(bias[None] + 1, torch.full((1, 2, UNITS), 1e-9), w)
    modulus = torch.linalg.det(lam[0].movedim(-1, 0))
    assert torch.allclose(modulus + alpha[0, 0, 0].square(), torch.ones(UNITS), atol=1e-4)


@pytest.mark.parametrize("name", ["lru", "rtu", "rtu_nonlinear"])
def test_complex_units_of_the_longest_memories_scale_their_input_to_full_precision(name):
    """γ² = 1 - |λ|² with -log |λ| = log(1 + 1 / u), so γ² = 1 - (1 + 1 / u)^-2 = (2 u + 1) / (u + 1)²."""
    cell, _, bias, w = initialised(name, retention=1e8)
    _, alpha, _ = cell.partials(bias[None] + 1, torch.full((1, 2, UNITS), 1e-9), w)
    steps = 1 / torch.expm1(torch.exp(w[0].double()))
    gamma = (2 * steps + 1).sqrt() / (steps + 1)
    torch.testing.assert_close(alpha[0, 0, 0].double(), gamma, rtol=5e-6, atol=0)


@pytest.mark.parametrize("name", ["rtu", "rtu_nonlinear"])
def test_complex_units_of_the_longest_memories_have_a_finite_gradient(name):
    torch.manual_seed(0)
    stack = RecurrentStack(3, 4, cell=name, retention=1e8)
    h, _ = stack(torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool), stack.begin(2))
    h.sum().backward()
    assert all(p.grad.isfinite().all() for p in stack.parameters())


def test_selective_step_sizes_are_spread_evenly_in_their_logarithm():
    _, _, bias, _ = initialised("selective")
    steps = torch.nn.functional.softplus(bias[0]).log10()
    assert torch.allclose(steps.quantile(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-3.0, -2.0, -1.0]), atol=0.05)
