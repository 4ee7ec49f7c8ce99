"""An episode's start leaves everything before it behind, whatever that was: NaN and infinity, too."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, make_method
from rtrl_bench.gradients.machinery import episodes

B, D, N, M, START, SLOT = 3, 4, 5, 6, 3, 1


def choices():
    """Every method with the first cell that it takes, in a stack of two layers where it takes those; and more kinds."""
    for gradient in GRADIENTS:
        for cell, layers in itertools.product(("elstm", "lstm", *CELLS), (2, 1)):
            try:
                make_method(gradient, CELLS[cell](), layers)
            except ConfigError:
                continue
            yield {"gradient": gradient, "cell": cell, "layers": layers}
            break
    for cell in ("elstm", "rtu", "mingru"):
        yield {"gradient": "rtrl", "cell": cell}
    for gradient in ("tbptt", "snap"):
        yield {"gradient": gradient, "cell": "lstm"}
    for cell, window in (("elstm", 8), ("elstm", "episode"), ("lstm", "episode")):
        yield {"gradient": "tbptt", "cell": cell, "layers": 2, "gradient_options": {"window": window}}


def named(choice):
    return " ".join(str(value) for value in choice.values())


NAN, INF = float("nan"), float("inf")
every_choice = pytest.mark.parametrize(
    ("choice", "poison"),
    [*((choice, NAN) for choice in choices()), ({"gradient": "rtrl", "layers": 2}, INF), ({"gradient": "tbptt"}, INF)],
    ids=lambda part: named(part) if isinstance(part, dict) else str(part),
)


@pytest.fixture(params=["lists", "masks"], autouse=True)
def kept_as(request, monkeypatch):
    """Episodes as on a CPU, and as on a GPU."""
    if request.param == "masks":
        monkeypatch.setattr(episodes, "LISTED", set())


def stack_of(choice):
    torch.manual_seed(0)
    stack = RecurrentStack(D, N, **choice).double()
    stack.progress = 1.0  # all layers have grown
    return stack


def segment(start, seed=1):
    g = torch.Generator().manual_seed(seed)
    starts = torch.zeros(M, B, dtype=torch.bool)
    if start is not None:
        starts[start, SLOT] = True
    return torch.randn(M, B, D, generator=g, dtype=torch.float64), starts


def grown(stack):
    """A carry after a segment, with sensitivities and inputs that are not zero."""
    x, starts = segment(None, seed=2)
    h, carry = stack(x, starts, stack.begin(B))
    h.sum().backward()
    stack.zero_grad()
    return carry


def poisoned(carry, poison):
    """The carry with `poison` in all that belongs to one slot."""
    carry = copy.deepcopy(carry)
    carry.state[SLOT] = poison
    for name, trace in carry.traces.items():
        if trace.is_floating_point():  # neither flags nor the units on random paths
            trace[(slice(None), SLOT) if name == "x" else SLOT] = poison
    return carry


def learn(stack, carry, x, starts):
    """h, the gradients by name, and the carry that comes out."""
    stack.zero_grad()
    h, after = stack(x, starts, carry)
    torch.tanh(h).sum().backward()
    return h.detach(), {name: p.grad for name, p in stack.named_parameters() if p.grad is not None}, after


@every_choice
def test_what_is_not_finite_has_no_part_in_an_episode_that_starts_with_the_segment(choice, poison):
    stack = stack_of(choice)
    carry, (x, starts) = grown(stack), segment(start=0)
    h, gradients, after = learn(stack, copy.deepcopy(carry), x, starts)
    h_poisoned, gradients_poisoned, after_poisoned = learn(stack, poisoned(carry, poison), x, starts)
    assert torch.equal(h, h_poisoned)
    assert all(torch.equal(g, gradients_poisoned[name]) for name, g in gradients.items())
    assert torch.isfinite(after_poisoned.state).all()
    h, gradients, _ = learn(stack, after, *segment(start=None, seed=3))
    h_poisoned, gradients_poisoned, _ = learn(stack, after_poisoned, *segment(start=None, seed=3))
    assert torch.equal(h, h_poisoned)
    assert all(torch.equal(g, gradients_poisoned[name]) for name, g in gradients.items())


@every_choice
@pytest.mark.parametrize("learning", [True, False], ids=["learning", "without loss"])
def test_what_is_not_finite_ends_with_its_episode_inside_a_segment(choice, poison, learning):
    stack = stack_of(choice)
    carry, (x, starts) = grown(stack), segment(START)
    broken = x.clone()
    broken[START - 1, SLOT] = poison
    ends = []
    for begun, inputs in ((copy.deepcopy(carry), x), (poisoned(carry, poison), broken)):
        if learning:
            h, _, after = learn(stack, begun, inputs, starts)
        else:
            with torch.no_grad():
                h, after = stack(inputs, starts, begun)
        ends.append((h, after))
    (h, after), (h_poisoned, after_poisoned) = ends
    other_slots = [slot for slot in range(B) if slot != SLOT]
    assert torch.equal(h[:, other_slots], h_poisoned[:, other_slots])
    assert torch.equal(h[START:], h_poisoned[START:])
    following = segment(start=None, seed=3)
    h, gradients, _ = learn(stack, after, *following)
    h_poisoned, gradients_poisoned, _ = learn(stack, after_poisoned, *following)
    assert torch.equal(h, h_poisoned)
    assert all(torch.equal(g, gradients_poisoned[name]) for name, g in gradients.items())


@every_choice
def test_a_loss_that_is_not_finite_does_not_flow_back_over_an_episodes_start(choice, poison):
    stack = stack_of(choice)
    found = []
    for weight in (1.0, poison):
        x, starts = segment(START)
        x.requires_grad_()
        v = torch.ones(M, B, stack.output_size, dtype=torch.float64)
        v[START:, SLOT] = weight
        stack(x, starts, stack.begin(B))[0].backward(v)
        found.append(x.grad)
    finite, infinite = found
    assert torch.equal(finite[:START, SLOT], infinite[:START, SLOT])
    assert not torch.isfinite(infinite[START:, SLOT]).any()


@pytest.mark.parametrize("gradient", ["rtrl", "columnar"])
@pytest.mark.parametrize("poison", [NAN, INF])
def test_acting_begins_an_episode_from_a_state_that_is_not_finite(gradient, poison):
    stack = stack_of({"gradient": gradient, "layers": 2})
    x, starts = segment(start=0)
    state = stack.zero_state(B)
    broken = state.clone()
    broken[SLOT] = poison
    h, after = stack.step(x[0], starts[0], state)
    h_poisoned, after_poisoned = stack.step(x[0], starts[0], broken)
    assert torch.equal(h, h_poisoned)
    assert torch.equal(after, after_poisoned)
