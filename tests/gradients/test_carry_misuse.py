"""A carry that cannot be gone on from says so: of another stack, of a backward pass cut short; and what saves one."""

from __future__ import annotations

import copy

import pytest
import torch

from rtrl_bench import Carry, RecurrentStack

MOVING = [  # methods that move their traces in place
    {"gradient": "rtrl"},
    {"gradient": "rtrl_stepwise"},
    {"gradient": "rtrl", "layers": 2},
    {"gradient": "rtrl_segment", "layers": 2},
    {"gradient": "columnar", "layers": 2},
    {"gradient": "snap", "layers": 2},
]
ALL = [
    *MOVING,
    {"gradient": "rtrl_dense"},
    {"gradient": "tbptt", "gradient_options": {"window": "episode"}},
    {"gradient": "tbptt", "layers": 2},
]


def each(choices):
    return pytest.mark.parametrize("choice", choices, ids=lambda choice: " ".join(map(str, choice.values())))


def stack_of(choice):
    torch.manual_seed(0)
    return RecurrentStack(3, 4, **choice)


def segment(seed=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(5, 2, 3, generator=g), torch.rand(5, 2, generator=g) < 0.1


class Stop(Exception):
    pass


def stop(*_):
    raise Stop


@pytest.mark.parametrize(
    ("choice", "where"),
    [
        *((MOVING[0], where) for where in ("x", "weight", "readout")),
        *((choice, where) for choice in MOVING[2:4] for where in ("x", "readout")),
        *((choice, "weight") for choice in MOVING[4:]),
    ],
    ids=str,
)
def test_a_backward_pass_that_an_exception_ends_leaves_no_carry_to_go_on_from(choice, where):
    stack, (x, starts) = stack_of(choice), segment()
    carry = stack.begin(2)
    before = copy.deepcopy(carry)
    h, after = stack(x.requires_grad_(), starts, carry)
    layer = stack.layers[0]
    hooked = {"x": x, "weight": layer.weight, "readout": layer.readout.linear.weight}[where]
    handle = hooked.register_hook(stop)
    with pytest.raises(Stop):
        h.sum().backward()
    with pytest.raises(RuntimeError, match=r"exception ended backward\(\)|call backward\(\)"):
        stack(x.detach(), starts, after)
    handle.remove()
    stack.zero_grad()
    h, after = stack(x.detach(), starts, before)  # what was copied before is as good as ever
    h.sum().backward()
    stack(x.detach(), starts, after)


@each(MOVING)
def test_an_exception_while_the_sensitivities_move_leaves_no_carry_to_go_on_from(choice, monkeypatch):
    from rtrl_bench.gradients import rtrl_stepwise
    from rtrl_bench.gradients.machinery import influence, own_sensitivities

    stack, (x, starts) = stack_of(choice), segment()
    h, after = stack(x, starts, stack.begin(2))
    before = {name: trace.clone() for name, trace in after.traces.items()}
    step = rtrl_stepwise._step

    def two_steps(traces, tape, t):
        step(traces, tape, t) if t < 2 else stop()

    def two_moves(move):
        return lambda kept, traces, tape, t, u: move(kept, traces, tape, t, u) if t < 2 else stop()

    monkeypatch.setattr(own_sensitivities, "_advance_weight", stop)  # which comes last
    monkeypatch.setattr(rtrl_stepwise, "_step", two_steps)
    for kept in (influence.Own, influence.Whole):
        monkeypatch.setattr(kept, "move", two_moves(kept.move))
    with pytest.raises(Stop):
        h.sum().backward()
    monkeypatch.undo()
    assert any(not torch.equal(trace, before[name]) for name, trace in after.traces.items())
    with pytest.raises(RuntimeError, match=r"exception ended backward\(\) .* earlier copy\.deepcopy of it"):
        stack(x, starts, after)


@each(ALL)
def test_a_carry_of_another_stack_is_refused(choice):
    stack, (x, starts) = stack_of(choice), segment()
    for other in [*ALL, {"gradient": "tbptt", "cell": "lstm"}, {"gradient": "rtrl_segment"}, {"gradient": "columnar"}]:
        if other != choice:
            with pytest.raises(ValueError, match=r"this carry is of another stack \(cell .*expected one of cell elstm"):
                stack(x, starts, stack_of(other).begin(2))
    with pytest.raises(ValueError, match="this carry is of another stack"):
        stack(x, starts, RecurrentStack(3, 5, **choice).begin(2))
    with pytest.raises(ValueError, match=r"this carry is of another stack \(unknown\)"):
        stack(x, starts, Carry(torch.zeros(2, 1, 4)))


def frozen(stack, what):
    for name, p in stack.named_parameters():
        p.requires_grad_(not (what == "all" or (what == "recurrence" and "readout" not in name)))


@each([MOVING[0], MOVING[2], MOVING[3], MOVING[5]])
@pytest.mark.parametrize(
    ("what", "input_learns"),
    [("recurrence", False), ("all", True), ("all", False)],
    ids=["recurrence", "all but the input", "all"],
)
def test_frozen_parameters_leave_a_carry_to_go_on_from(choice, what, input_learns):
    """The same carries, and the same gradients where there are some, as with everything trained."""
    found = []
    for stack in (stack_of(choice), stack_of(choice)):
        if found:
            frozen(stack, what)
        carry, gradients = stack.begin(2), []
        for number in range(3):
            x, starts = segment(number)
            stack.zero_grad()
            h, carry = stack(x.requires_grad_(input_learns), starts, carry)
            if h.requires_grad:
                h.sum().backward()
            gradients.append([x.grad] + [p.grad for p in stack.parameters()])
        found.append((carry, gradients))
    (carry, trained), (same, partly) = found
    assert torch.equal(carry.state, same.state)
    for name, trace in carry.traces.items():
        assert torch.allclose(trace, same.traces[name], atol=1e-6), name
    for expected, given in zip(trained, partly):
        for one, other in zip(expected, given):
            assert other is None or torch.allclose(one, other, atol=1e-6)
    assert not input_learns or all(x is not None for x, *_ in partly)


@each(ALL)
def test_a_carry_saved_and_read_without_running_code_goes_on_as_the_one_kept(choice, tmp_path):
    stack = stack_of(choice)
    h, carry = stack(*segment(1), stack.begin(2))
    h.sum().backward()
    torch.save({"carry": carry.state_dict()}, tmp_path / "saved.pt")
    saved = torch.load(tmp_path / "saved.pt", weights_only=True)
    gradients = []
    for begun in (carry, Carry.from_state_dict(saved["carry"])):
        stack.zero_grad()
        stack(*segment(2), begun)[0].sum().backward()
        gradients.append([p.grad for p in stack.parameters() if p.grad is not None])
    assert all(torch.equal(one, other) for one, other in zip(*gradients))


@each(ALL)
def test_a_carry_goes_to_another_type_and_device_with_all_it_has(choice):
    stack = stack_of(choice)
    h, carry = stack(*segment(1), stack.begin(2))
    h.sum().backward()
    there = carry.to("meta", torch.float64)
    for tensor in (there.state, *there.traces.values()):
        assert tensor.device.type == "meta"
        assert tensor.dtype in (torch.float64, torch.bool)


@each(MOVING)
def test_a_carry_moved_to_where_it_is_serves_one_segment_all_the_same(choice):
    stack = stack_of(choice)
    carry = stack.begin(2)
    kept = carry.to("cpu", torch.float32)
    stack(*segment(), carry)[0].sum().backward()
    with pytest.raises(RuntimeError, match="a segment has begun from this carry"):
        stack(*segment(), kept)


@each([MOVING[0], {"gradient": "random_paths"}, {"gradient": "tbptt", "gradient_options": {"window": "episode"}}])
def test_a_carry_converted_shares_no_memory_with_the_one_before(choice):
    stack = stack_of(choice)
    h, carry = stack(*segment(), stack.begin(2))
    h.sum().backward()
    converted = carry.to(dtype=torch.float64)
    for name, trace in carry.traces.items():
        assert trace.data_ptr() != converted.traces[name].data_ptr(), name


@each(MOVING)
def test_a_carry_that_cannot_be_gone_on_from_cannot_be_saved_or_moved_either(choice):
    stack, carry = stack_of(choice), stack_of(choice).begin(2)
    _, after = stack(*segment(), carry)
    for refused, message in ((carry, "a segment has begun"), (after, r"call backward\(\)")):
        with pytest.raises(RuntimeError, match=message):
            refused.state_dict()
        with pytest.raises(RuntimeError, match=message):
            refused.to("meta")
