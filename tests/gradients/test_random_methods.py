"""Methods that draw random numbers: from a generator of their own, which goes with the carry wherever that goes."""

from __future__ import annotations

import copy

import pytest
import torch
from oracles.directional import Directional

from rtrl_bench import Carry, RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import GRADIENTS, GradientMethod

each_cell = pytest.mark.parametrize("cell", ["elstm", "lstm"])


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The method, for these tests alone."""
    assert set(GRADIENTS)  # all that have a file of their own are loaded by now
    monkeypatch.setitem(GRADIENTS._things, "directional", Directional)


def stack_of(cell="elstm", gradient="directional"):
    torch.manual_seed(0)
    return RecurrentStack(3, 4, cell=cell, gradient=gradient).double()


def segment(seed, batch=2):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(5, batch, 3, generator=g, dtype=torch.float64)
    return x, torch.rand(5, batch, generator=g) < 0.1


def learn(stack, carry, segments):
    """The gradients of some segments, one after the other, and the last carry."""
    found = []
    for number in segments:
        stack.zero_grad()
        h, carry = stack(*segment(number), carry)
        torch.tanh(h).sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in stack.parameters()]))
    return torch.stack(found), carry


@each_cell
def test_a_method_written_on_the_node_takes_any_cell_and_its_mean_is_the_gradient_it_estimates(cell):
    """Every slot has the same stream and a direction of its own, so one segment is as many draws."""
    draws = 20_000
    found = []
    for gradient in ("directional", "tbptt"):
        stack = stack_of(cell, gradient)
        x, starts = (part[:, :1].expand(-1, draws, *part.shape[2:]) for part in segment(1))
        h, _ = stack(x, starts, stack.begin(draws))
        (torch.tanh(h).sum() / draws).backward()
        layer = stack.layers[0]
        found.append(torch.cat([p.grad.flatten() for p in (layer.weight, layer.bias, layer.recurrent)]))
    estimate, exact = found
    # Var(v_i Σ_j g_j v_j) = |g|² + g_i²
    deviation = ((exact.square().sum() + exact.square()) / draws).sqrt()
    assert ((estimate - exact) / deviation).abs().max() < 4.5
    assert (estimate - exact).norm() < 0.2 * exact.norm()


@each_cell
def test_a_carry_saved_and_read_without_running_code_draws_what_the_one_kept_draws(cell, tmp_path):
    stack = stack_of(cell)
    whole, _ = learn(stack, stack.begin(2), range(6))
    _, carry = learn(stack, stack_of(cell).begin(2), range(3))
    torch.save(carry.state_dict(), tmp_path / "carry.pt")
    learn(stack, carry, range(3, 6))  # what happens to the one kept is not the business of the one saved
    read = Carry.from_state_dict(torch.load(tmp_path / "carry.pt", weights_only=True))
    rest, _ = learn(stack, read, range(3, 6))
    assert torch.equal(rest, whole[3:])
    assert not torch.equal(whole[0], whole[1])


def test_a_copy_of_a_carry_draws_what_the_carry_draws_and_not_from_it():
    stack = stack_of()
    _, carry = learn(stack, stack.begin(2), range(2))
    branch = copy.deepcopy(carry)
    one, _ = learn(stack, carry, range(2, 4))
    other, _ = learn(stack, branch, range(2, 4))
    assert torch.equal(one, other)


def test_a_segment_without_loss_moves_what_is_drawn():
    stack = stack_of()
    with torch.no_grad():
        carry = stack.begin(2)
        before = carry.traces["0.weight"].clone()
        _, after = stack(*segment(0), carry)
    assert not torch.equal(after.traces["0.weight"], before)


def test_drawing_leaves_torchs_own_generator_alone_which_seeds_the_methods():
    stack = stack_of()
    seeded = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        carry = stack.begin(2)
        state = torch.get_rng_state()
        seeded.append(learn(stack, carry, range(3))[0])
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(seeded[0], seeded[1])
    assert not torch.equal(seeded[0], seeded[2])


def test_a_method_that_draws_nothing_takes_nothing_from_torchs_own_generator():
    stack = stack_of(gradient="rtrl")
    state = torch.get_rng_state()
    assert stack.begin(2).generator is None
    assert torch.equal(torch.get_rng_state(), state)


def test_a_carry_converted_goes_on_drawing_the_same_numbers():
    stack = stack_of()
    carry = stack.begin(2).to(dtype=torch.float32).to(dtype=torch.float64)
    expected, _ = learn(stack, stack_of().begin(2), range(3))
    found, _ = learn(stack, carry, range(3))
    assert torch.allclose(found, expected, rtol=1e-5)


def test_a_carry_converted_draws_nothing_from_the_one_before():
    carry = stack_of().begin(2)
    state = carry.generator.get_state()
    torch.rand(3, generator=carry.to(dtype=torch.float32).generator)
    assert torch.equal(carry.generator.get_state(), state)


def test_a_carry_from_another_kind_of_device_draws_numbers_that_its_state_decides():
    """As a GPU leaves it: its generator's state has 16 bytes, where the CPU's has thousands."""
    saved = stack_of().begin(2).state_dict()

    def drawn(byte):
        generator = {"device": "cuda", "state": torch.full((16,), byte, dtype=torch.uint8)}
        return torch.rand(3, generator=Carry.from_state_dict({**saved, "generator": generator}).generator)

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_a_method_whose_gradient_autograd_finds_draws_from_its_carry_too():
    class Drawing(GradientMethod):
        draws = True

        def segment(self, layers, x, starts, carry):
            noise = torch.randn(x.shape[1], generator=carry.generator)
            return x + noise[:, None], Carry(carry.state, generator=carry.generator)

    layers = RecurrentStack(3, 4).parts()
    method, (x, starts) = Drawing(CELLS["elstm"]()), (torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.bool))
    carry = method.begin(5, layers)
    kept = Carry.from_state_dict(carry.state_dict())
    torch.randn(7)  # of the global generator, which has no part in it
    assert torch.equal(method.segment(layers, x, starts, carry)[0], method.segment(layers, x, starts, kept)[0])
