"""What goes from segment to segment, and how the layer refuses misuse."""

from __future__ import annotations

import copy

import pytest
import torch
from oracles.cells import NAMES

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError


def segment(unroll=4, batch=3, inputs=5):
    return torch.randn(unroll, batch, inputs), torch.zeros(unroll, batch, dtype=torch.bool)


def test_a_segment_without_loss_moves_the_sensitivities_under_no_grad():
    torch.manual_seed(0)
    layer = RecurrentStack(5, 4)
    x, starts = segment()
    with torch.no_grad():
        _, quiet = layer(x, starts, layer.begin(3))
    h, carry = layer(x, starts, layer.begin(3))
    h.sum().backward()
    for name, trace in carry.traces.items():
        assert torch.equal(trace, quiet.traces[name])
        assert trace.abs().sum() > 0


def test_an_episode_start_zeroes_state_and_sensitivities():
    torch.manual_seed(0)
    layer = RecurrentStack(5, 4)
    x, starts = segment(unroll=6)
    starts[3, 0] = True
    with torch.no_grad():
        _, whole = layer(x, starts, layer.begin(3))
        _, tail = layer(x[3:], starts[3:], layer.begin(3))
    assert torch.allclose(whole.state[0], tail.state[0])
    for name in whole.traces:
        assert torch.allclose(whole.traces[name][0], tail.traces[name][0], atol=1e-7)
        assert not torch.allclose(whole.traces[name][1], tail.traces[name][1], atol=1e-7)


def test_the_next_segment_is_refused_before_backward():
    layer = RecurrentStack(5, 4)
    x, starts = segment()
    _, carry = layer(x, starts, layer.begin(3))
    with pytest.raises(RuntimeError, match=r"call backward\(\)"):
        layer(x, starts, carry)


def test_a_carry_whose_sensitivities_moved_on_is_refused():
    layer = RecurrentStack(5, 4)
    x, starts = segment()
    carry = layer.begin(3)
    branch = copy.deepcopy(carry)
    with torch.no_grad():
        layer(x, starts, carry)
        with pytest.raises(RuntimeError, match="go on with the carry"):
            layer(x, starts, carry)
        layer(x, starts, branch)


def test_a_second_backward_through_one_segment_is_refused():
    layer = RecurrentStack(5, 4)
    x, starts = segment()
    h, _ = layer(x, starts, layer.begin(3))
    h.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="called twice"):
        h.sum().backward()


def test_memory_of_the_carry_does_not_grow_with_segments_or_unroll():
    layer = RecurrentStack(5, 4)
    sizes = set()
    for unroll in (2, 8):
        carry = layer.begin(3)
        for _ in range(5):
            x, starts = segment(unroll)
            h, carry = layer(x, starts, carry)
            h.sum().backward()
            sizes.add(carry.bytes())
    assert sizes == {4 * 3 * (4 + 2 * 4 * 5 + 2 * 4 + 2 * 4)}


def test_an_episode_window_forgets_what_lies_before_every_slots_episode():
    layer = RecurrentStack(5, 4, gradient="tbptt", gradient_options={"window": "episode"})
    x, starts = segment(unroll=4)
    starts[1, 0] = starts[2, 1] = starts[3, 2] = True
    _, carry = layer(x, starts, layer.begin(3))
    assert len(carry.traces["x"]) == 3  # steps 1, 2, 3
    starts[:] = False
    starts[0] = True
    _, carry = layer(x, starts, carry)
    assert len(carry.traces["x"]) == 4


@pytest.mark.parametrize("cell", list(CELLS))
def test_acting_step_by_step_equals_the_segment(cell):
    torch.manual_seed(0)
    layer = RecurrentStack(5, 4, cell=cell, gradient="rtrl" if cell in NAMES else "tbptt")
    x, starts = segment()
    starts[2, 1] = True
    carry = layer.begin(3)
    state = carry.state
    h, _ = layer(x, starts, carry)
    for t in range(len(x)):
        acted, state = layer.step(x[t], starts[t], state)
        assert torch.allclose(acted, h[t], atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_starts_of_other_types_mean_what_they_do_as_bool(dtype):
    torch.manual_seed(0)
    layer = RecurrentStack(5, 4)
    x, starts = segment()
    starts[2, 1] = True
    expected, _ = layer(x, starts, layer.begin(3))
    h, _ = layer(x, starts.to(dtype), layer.begin(3))
    assert torch.equal(h, expected)
    state = torch.randn(3, 1, 4)
    for mine, same in zip(layer.step(x[2], starts[2].to(dtype), state), layer.step(x[2], starts[2], state)):
        assert torch.equal(mine, same)


def test_retention_sets_the_initial_forget_gate():
    torch.manual_seed(0)
    layer = RecurrentStack(2, 2000, retention=20.0)
    kept_for = layer.layers[0].bias[0].exp()
    assert 1 <= kept_for.min() and kept_for.max() <= 20
    assert 9.5 < kept_for.mean() < 11.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"cell": "elstn"}, "did you mean elstm"),
        ({"gradient": "rtlr"}, "did you mean rtrl"),
        ({"cell": "lstm"}, "needs an element-wise cell"),
        ({"gradient_options": {"window": 5}}, "window = 5: unknown option of gradient: rtrl, it has no options"),
        (
            {"gradient": "tbptt", "gradient_options": {"window": 0}},
            "window = 0: expected an integer >= 1, 'episode' or null",
        ),
        (
            {"gradient": "tbptt", "gradient_options": {"window": "all"}},
            "window = 'all': expected an integer, 'episode' or null",
        ),
    ],
)
def test_unfit_choices_are_refused_by_name(kwargs, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        RecurrentStack(5, 4, **kwargs)


def test_wrong_shapes_are_refused_with_the_expected_ones():
    layer = RecurrentStack(5, 4)
    x, starts = segment(inputs=6)
    with pytest.raises(ValueError, match=r"expected x \(M, 3, 5\)"):
        layer(x, starts, layer.begin(3))


def test_a_window_shorter_than_the_segment_is_refused():
    layer = RecurrentStack(5, 4, gradient="tbptt", gradient_options={"window": 3})
    x, starts = segment(unroll=4)
    with pytest.raises(ConfigError, match="at least the segment's 4 steps"):
        layer(x, starts, layer.begin(3))


def test_a_segment_that_would_reach_further_back_than_the_window_is_refused():
    layer = RecurrentStack(5, 4, gradient="tbptt", gradient_options={"window": 6})
    carry = layer.begin(3)
    for _ in range(6):
        _, carry = layer(*segment(unroll=1), carry)
    with pytest.raises(ConfigError, match=r"6 steps and the 5 to be replayed; give all segments the same length"):
        layer(*segment(unroll=6), carry)


def test_the_inputs_gradient_alone_can_be_asked_for_again():
    stack = RecurrentStack(3, 4, layers=2, gradient="rtrl")
    x, starts = torch.randn(5, 2, 3, requires_grad=True), torch.zeros(5, 2, dtype=torch.bool)
    loss = stack(x, starts, stack.begin(2))[0].sum()
    loss.backward(retain_graph=True)
    assert torch.equal(torch.autograd.grad(loss, x)[0], x.grad)


@pytest.mark.parametrize("options", [{"gradient": "rtrl"}, {"gradient": "tbptt", "gradient_options": {"window": 8}}])
def test_a_buffer_of_inputs_may_be_filled_anew_for_the_next_segment(options):
    torch.manual_seed(0)
    layer, segments, found = RecurrentStack(5, 4, **options), torch.randn(2, 4, 3, 5), []
    for buffer in (None, torch.empty(4, 3, 5)):
        layer.zero_grad()
        carry, starts = layer.begin(3), torch.zeros(4, 3, dtype=torch.bool)
        for x in segments:
            h, carry = layer(x if buffer is None else buffer.copy_(x), starts, carry)
            h.sum().backward()
        found.append(layer.layers[0].weight.grad.clone())
    assert torch.equal(*found)


@pytest.mark.parametrize("options", [{"gradient": "rtrl", "layers": 2}, {"gradient": "tbptt", "cell": "lstm"}])
def test_a_buffer_of_starts_may_be_filled_anew_before_the_backward_pass(options):
    torch.manual_seed(0)
    layer, segments, found = RecurrentStack(5, 4, **options), torch.randn(2, 4, 3, 5), []
    for refilled in (False, True):
        layer.zero_grad()
        carry, starts = layer.begin(3), torch.zeros(4, 3, dtype=torch.bool)
        for x in segments:
            starts[2] = True
            h, carry = layer(x, starts, carry)
            if refilled:
                starts.zero_()
            h.sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in layer.parameters()]))
    assert torch.equal(*found)
