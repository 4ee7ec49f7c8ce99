"""RecurrentStack in other people's loops: AMP, inference mode, other devices and types, arguments of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rtrl_bench import RecurrentStack
from rtrl_bench.errors import ConfigError

CHOICES = [
    {"gradient": "rtrl"},
    {"gradient": "rtrl", "layers": 2},
    {"gradient": "rtrl_layerwise", "layers": 2},
    {"gradient": "tbptt", "gradient_options": {"window": 9}},
    {"gradient": "tbptt", "cell": "lstm"},
    {"gradient": "rtrl", "cell": "rtu"},
    {"gradient": "snap", "cell": "gru"},
]
each_choice = pytest.mark.parametrize("choice", CHOICES, ids=lambda c: " ".join(map(str, c.values())))


def stack_of(**choice):
    torch.manual_seed(0)
    return RecurrentStack(5, 4, **choice)


def segment(seed=1, unroll=6, batch=3):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(unroll, batch, 5, generator=g), torch.rand(unroll, batch, generator=g) < 0.1


def learn(stack, segments=2, amp=False, amp_backward=False):
    """Output and gradients of a stream, with or without autocast around the forward and the backward pass."""
    carry, outputs = stack.begin(3), []
    stack.zero_grad()
    for number in range(segments):
        x, starts = segment(number)
        with torch.autocast("cpu", enabled=amp):
            h, carry = stack(x, starts, carry)
        with torch.autocast("cpu", enabled=amp_backward):
            h.sum().backward()
        outputs.append(h.detach())
    return torch.cat(outputs), {name: p.grad.clone() for name, p in stack.named_parameters()}, carry


@each_choice
def test_a_stack_computes_in_its_parameters_type_under_autocast(choice):
    h, gradients, carry = learn(stack_of(**choice))
    h_amp, gradients_amp, carry_amp = learn(stack_of(**choice), amp=True)
    assert h_amp.dtype == torch.float32
    assert torch.equal(h, h_amp)
    assert all(torch.equal(g, gradients_amp[name]) for name, g in gradients.items())
    assert all(torch.equal(trace, carry_amp.traces[name]) for name, trace in carry.traces.items())


def test_sensitivities_are_not_rounded_by_a_backward_pass_inside_autocast():
    stack = RecurrentStack(5, 4)
    stack.layers[0].readout = nn.Identity()  # of which the backward pass is not ours
    stack.layers[0].readout.forward = lambda x, c: c[..., 0, :]
    _, gradients, carry = learn(stack)
    _, gradients_amp, carry_amp = learn(stack, amp=True, amp_backward=True)
    assert all(torch.equal(g, gradients_amp[name]) for name, g in gradients.items())
    assert all(torch.equal(trace, carry_amp.traces[name]) for name, trace in carry.traces.items())


def test_features_that_autocast_rounded_are_taken_and_get_their_gradient():
    stem, stack = nn.Linear(5, 5), stack_of()
    x, starts = segment()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = stem(x)
        assert features.dtype == torch.bfloat16
        h, _ = stack(features, starts, stack.begin(3))
        acted, _ = stack.step(features[0].detach(), starts[0], stack.zero_state(3))
    h.sum().backward()
    assert h.dtype == acted.dtype == torch.float32
    assert stem.weight.grad.abs().sum() > 0


@each_choice
def test_what_begins_in_inference_mode_can_be_learnt_from(choice):
    stack, expected = stack_of(**choice), stack_of(**choice)
    (x, starts), (quiet, quiet_starts) = segment(1), segment(2)
    with torch.inference_mode():
        _, carry = stack(quiet, quiet_starts, stack.begin(3))
    with torch.no_grad():
        _, expected_carry = expected(quiet, quiet_starts, expected.begin(3))
    stack(x, starts, carry)[0].sum().backward()
    expected(x, starts, expected_carry)[0].sum().backward()
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(stack.parameters(), expected.parameters()))


def test_a_state_acted_in_inference_mode_goes_on_outside_of_it():
    stack = stack_of()
    x, starts = segment()
    with torch.inference_mode():
        _, state = stack.step(x[0], starts[0], stack.zero_state(3))
    assert not state.is_inference()
    stack.step(x[1], starts[1], state)


@pytest.mark.parametrize("number", [np.int64(4), np.uint8(4), torch.tensor(4)])
def test_sizes_may_be_integers_of_any_kind(number):
    stack = RecurrentStack(number, number, layers=2, gradient="tbptt", gradient_options={"window": number})
    assert stack.begin(number).state.shape == (4, 2, 4)
    assert type(stack.inputs) is int


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"hidden": True}, "hidden = True: expected an integer >= 1"),
        ({"hidden": 0}, "hidden = 0: expected an integer >= 1"),
        ({"hidden": 4.0}, "hidden = 4.0: expected an integer >= 1"),
        ({"inputs": "5"}, "inputs = '5': expected an integer >= 1"),
        ({"layers": np.bool_(True)}, "layers = .*True.*: expected an integer >= 1"),
        (
            {"gradient": "tbptt", "gradient_options": {"window": True}},
            "window = True: expected an integer, 'episode' or null",
        ),
        (
            {"gradient": "tbptt", "gradient_options": {"window": 2.0}},
            "window = 2.0: expected an integer, 'episode' or null",
        ),
        ({"retention": 0.5}, "retention = 0.5: expected a finite number > 1"),
        ({"retention": True}, "retention = True: expected a finite number > 1"),
        ({"retention": float("nan")}, "retention = nan: expected a finite number > 1"),
        ({"retention": float("inf")}, "retention = inf: expected a finite number > 1"),
        ({"retention": "20"}, "retention = '20': expected a finite number > 1"),
    ],
)
def test_arguments_of_wrong_type_or_size_are_refused_by_name(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        RecurrentStack(**{"inputs": 5, "hidden": 4, **kwargs})


@pytest.mark.parametrize("batch", [0, True, 2.0])
def test_a_batch_that_is_no_number_of_streams_is_refused(batch):
    for begin in (stack_of().begin, stack_of().zero_state):
        with pytest.raises(ConfigError, match=f"batch = {batch}: expected an integer >= 1"):
            begin(batch)


def test_a_segment_of_no_steps_is_refused():
    stack = stack_of()
    with pytest.raises(ValueError, match=r"x \(0, 3, 5\).* with M >= 1"):
        stack(torch.zeros(0, 3, 5), torch.zeros(0, 3, dtype=torch.bool), stack.begin(3))


def test_shapes_that_do_not_fit_are_refused_when_acting():
    stack = stack_of(layers=2)
    with pytest.raises(ValueError, match=r"state \(3, 1, 4\): expected .* state \(B, 2, 4\)"):
        stack.step(torch.zeros(3, 5), torch.zeros(3, dtype=torch.bool), torch.zeros(3, 1, 4))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((6, 3, 5))}, "x is a ndarray: expected a Tensor"),
        ({"carry": torch.zeros(3, 1, 4)}, "carry is a Tensor: expected a Carry"),
        ({"carry": None}, "carry is a NoneType: expected a Carry"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(changes, message):
    stack, (x, starts) = stack_of(), segment()
    with pytest.raises(TypeError, match=message):
        stack(**{"x": x, "starts": starts, "carry": stack.begin(3), **changes})


def test_a_carry_is_no_state_to_act_from():
    stack, (x, starts) = stack_of(), segment()
    with pytest.raises(TypeError, match="state is a Carry: expected a Tensor"):
        stack.step(x[0], starts[0], stack.begin(3))


def test_starts_that_are_no_tensor_are_refused():
    stack = stack_of()
    with pytest.raises(TypeError, match="expected a tensor of flags"):
        stack(segment()[0], [[False] * 3] * 6, stack.begin(3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int64])
def test_inputs_of_another_type_are_refused_outside_of_autocast(dtype):
    stack = stack_of()
    x, starts = segment()
    with pytest.raises(ValueError, match=f"x is {dtype}, the parameters are torch.float32"):
        stack(x.to(dtype), starts, stack.begin(3))
    with pytest.raises(ValueError, match=f"x is {dtype}, the parameters are torch.float32"):
        stack.step(x[0].to(dtype), starts[0], stack.zero_state(3))


def test_a_carry_of_before_a_change_of_type_is_refused_and_goes_on_converted():
    stack, (x, starts) = stack_of(), segment()
    carry = stack.begin(3)
    stack.double()
    with pytest.raises(ValueError, match=r"the carry is torch.float32 .* the parameters are torch.float64 .*carry.to"):
        stack(x.double(), starts, carry)
    h, _ = stack(x.double(), starts, carry.to(dtype=torch.float64))
    h.sum().backward()


def test_tensors_of_another_device_are_refused():
    stack, (x, starts) = stack_of(), segment()
    with pytest.raises(
        ValueError, match=r"the carry is torch\.float32 on meta, the parameters are torch\.float32 on cpu"
    ):
        stack(x, starts, stack.begin(3).to("meta"))
    with pytest.raises(ValueError, match="x is on meta, the parameters are on cpu"):
        stack(x.to("meta"), starts, stack.begin(3))
    with pytest.raises(ValueError, match="state is on meta, the parameters are on cpu"):
        stack.step(x[0], starts[0], stack.zero_state(3).to("meta"))


@pytest.mark.parametrize(
    ("gradient", "dtype"),
    [("rtrl", torch.bfloat16), ("rtrl", torch.float16), ("columnar", torch.bfloat16), ("rtrl_dense", torch.bfloat16)],
)
def test_sensitivities_in_half_precision_are_refused(gradient, dtype):
    stack = stack_of(gradient=gradient)
    carry = stack.begin(3)
    stack.to(dtype)
    with pytest.raises(ConfigError, match=f"parameters of type {dtype}: .* expected torch.float32"):
        stack.begin(3)
    with pytest.raises(ConfigError, match=f"parameters of type {dtype}: .* expected torch.float32"):
        stack(segment()[0].to(dtype), segment()[1], carry.to(dtype=dtype))


def test_tbptt_takes_parameters_in_half_precision():
    stack = stack_of(gradient="tbptt").bfloat16()
    x, starts = segment()
    h, _ = stack(x.bfloat16(), starts, stack.begin(3))
    h.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in stack.parameters())


def test_a_long_memory_has_its_gradient_under_autocast():
    """Where sensitivities in bfloat16 would be 400 % off: units that keep for 2000 steps what they see."""
    found = []
    for dtype, amp in ((torch.float64, False), (torch.float32, True)):
        torch.manual_seed(0)
        stack = RecurrentStack(2, 8, retention=2000.0).double().to(dtype)
        g = torch.Generator().manual_seed(1)
        carry, starts = stack.begin(2), torch.zeros(100, 2, dtype=torch.bool)
        for _ in range(20):
            x = torch.randn(100, 2, 2, generator=g, dtype=torch.float64).to(dtype)
            stack.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                h, carry = stack(x, starts, carry)
            h[-1].sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in stack.parameters()]).double())
    exact, amp = found
    assert (amp - exact).norm() / exact.norm() < 1e-4
