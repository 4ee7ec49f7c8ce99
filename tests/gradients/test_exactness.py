"""Every gradient of every element-wise cell equals autograd through the whole stream, in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import recurrent as oracle
from oracles.cells import ELEMENTWISE

from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import Layer, Parameters, make_method
from rtrl_bench.gradients.machinery import elementwise, own_sensitivities

each_cell = pytest.mark.parametrize("cell_type", ELEMENTWISE, ids=lambda c: c.__name__)
TOLERANCE = 1e-10


@pytest.fixture(params=["one block", "many blocks"], autouse=True, scope="module")
def blocks(request):
    """Large problems are worked on in blocks of steps and of slots: make small ones do so as well."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many blocks":
            patch.setattr(elementwise, "BLOCK_BYTES", 200)
            patch.setattr(own_sensitivities, "SLOT_BLOCK_BYTES", 300)
            patch.setattr(own_sensitivities, "CALL_BYTES", 200)
        yield


sizes = st.fixed_dictionaries(
    {
        "unroll": st.integers(1, 7),
        "segments": st.integers(1, 4),
        "batch": st.integers(1, 4),
        "inputs": st.integers(1, 5),
        "hidden": st.integers(1, 6),
        "seed": st.integers(0, 10**6),
    }
)


def problem(cell, unroll, segments, batch, inputs, hidden, seed):
    """Random parameters and a random stream whose episodes end at random steps, inside segments too."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    steps = unroll * segments
    parameters = Parameters(
        normal(len(cell.gates), hidden, inputs),
        normal(len(cell.gates), hidden),
        normal(*cell.recurrent_shape(hidden)),
    )
    starts = torch.rand(steps, batch, generator=g) < 0.15
    stream = oracle.Stream(normal(steps, batch, inputs), starts, normal(steps, batch, len(cell.state), hidden), unroll)
    return Parameters(*(p.requires_grad_() for p in parameters)), stream


def learn(method, parameters, stream, x=None):
    """Run the stream segment by segment with fixed parameters; the summed gradients and the last carry."""
    x = stream.x if x is None else x
    layers = [Layer(parameters, oracle.States())]
    carry = method.begin(x.shape[1], layers)
    for s in stream.segments():
        states, carry = method.segment(layers, x[s], stream.starts[s], carry)
        oracle.loss(states, stream.v[s]).backward()
    gradient = {name: p.grad.clone() for name, p in parameters._asdict().items()}
    for p in parameters:
        p.grad = None
    return gradient, carry


def assert_same(found, expected, tolerance=TOLERANCE):
    for name, truth in expected.items():
        error = (found[name] - truth).norm() / truth.norm().clamp_min(1e-30)
        assert error < tolerance, f"{name}: relative error {error:.1e}"


@each_cell
@pytest.mark.parametrize("method", ["rtrl", "rtrl_stepwise"])
@given(size=sizes)
def test_rtrl_equals_autograd_full_bptt(cell_type, method, size):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    gradient, _ = learn(make_method(method, cell), parameters, stream)
    assert_same(gradient, oracle.bptt(cell, parameters, stream))


@each_cell
@given(size=sizes)
def test_tbptt_with_an_episode_window_equals_autograd_full_bptt(cell_type, size):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    gradient, _ = learn(make_method("tbptt", cell, options={"window": "episode"}), parameters, stream)
    assert_same(gradient, oracle.bptt(cell, parameters, stream))


@each_cell
@given(size=sizes, extra=st.integers(0, 9))
def test_tbptt_window_equals_autograd_cut_at_the_window(cell_type, size, extra):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    window = stream.unroll + extra
    gradient, _ = learn(make_method("tbptt", cell, options={"window": window}), parameters, stream)
    expected = {name: torch.zeros_like(p) for name, p in parameters._asdict().items()}
    for s in stream.segments():
        for name, part in truncated_gradient(cell, parameters, stream, s, window).items():
            expected[name] += part
    assert_same(gradient, expected)


def truncated_gradient(cell, parameters, stream, segment, window):
    """Autograd gradient of one segment's loss with the state detached `window` steps before the segment's end."""
    begin = max(0, segment.stop - window)
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    with torch.no_grad():
        before = oracle.unrolled_states(cell, leaves, stream)[begin - 1] if begin else torch.zeros_like(stream.v[0])
    state, total = before, torch.zeros(())
    for t in range(begin, segment.stop):
        u = torch.einsum("bd,knd->bkn", stream.x[t], leaves[0]) + leaves[1]
        state = cell.step(u, state.masked_fill(stream.starts[t][:, None, None], 0), leaves[2])
        if t >= segment.start:
            total = total + oracle.loss(state, stream.v[t])
    return dict(zip(("weight", "bias", "recurrent"), oracle.gradients(total, leaves)))


@each_cell
@pytest.mark.parametrize("method", ["rtrl", "rtrl_stepwise", "tbptt"])
@given(size=sizes)
def test_input_gradient_equals_autograd_truncated_at_the_segment(cell_type, method, size):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    x = stream.x.clone().requires_grad_()
    learn(make_method(method, cell), parameters, stream, x)
    truth = stream.x.clone().requires_grad_()
    cut = oracle.Stream(truth, stream.starts, stream.v, stream.unroll)
    state, total = torch.zeros_like(stream.v[0]), torch.zeros(())
    for t in range(len(truth)):
        if t % stream.unroll == 0:
            state = state.detach()
        u = torch.einsum("bd,knd->bkn", cut.x[t], parameters.weight.detach()) + parameters.bias.detach()
        state = cell.step(u, state.masked_fill(stream.starts[t][:, None, None], 0), parameters.recurrent.detach())
        total = total + oracle.loss(state, stream.v[t])
    total.backward()
    assert_same({"x": x.grad}, {"x": truth.grad})


@each_cell
@pytest.mark.parametrize("method", ["rtrl", "rtrl_stepwise"])
@given(size=sizes)
def test_carried_sensitivities_equal_autograd(cell_type, method, size):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    _, carry = learn(make_method(method, cell), parameters, stream)
    truth = oracle.sensitivities(cell, parameters, stream)
    for label, trace in carry.traces.items():
        name = label.removeprefix("0.")
        # a unit's state depends on its own row of each parameter only: the diagonal over N is all there is
        full = truth[name]  # (B, s, N, K, N, ...)
        own = torch.diagonal(full, dim1=2, dim2=4).movedim(-1, 3)
        assert_same({name: trace}, {name: own})
        assert torch.isclose(full.square().sum(), own.square().sum(), rtol=1e-12)


@each_cell
@given(size=sizes)
def test_finite_differences_agree(cell_type, size):
    cell = cell_type()
    parameters, stream = problem(cell, **size)
    gradient, _ = learn(make_method("rtrl", cell), parameters, stream)
    g = torch.Generator().manual_seed(size["seed"])
    for name, p in parameters._asdict().items():
        direction = torch.randn(p.shape, generator=g, dtype=p.dtype)
        values = []
        for sign in (1, -1):
            leaves = [q.detach() + sign * 1e-7 * direction if q is p else q.detach() for q in parameters]
            values.append(oracle.loss(oracle.unrolled_states(cell, leaves, stream), stream.v))
        slope = (values[0] - values[1]) / 2e-7  # so small because of phases that turn fast, and of the kink of a relu
        assert torch.isclose((gradient[name] * direction).sum(), slope, rtol=1e-5, atol=1e-5)


def one_step(cell, size):
    """Random u (B, K, N), c (B, s, N) and w of a cell."""
    parameters, stream = problem(cell, **size)
    u = torch.einsum("bd,knd->bkn", stream.x[0], parameters.weight.detach())
    return u, stream.v[0], parameters.recurrent.detach()


@each_cell
@given(size=sizes)
def test_partials_equal_autograd_jacobians_of_step(cell_type, size):
    cell = cell_type()
    u, c, w = one_step(cell, size)
    for found, argument in zip(cell.partials(u, c, w), range(3)):
        jacobian = torch.autograd.functional.jacobian(cell.step, (u, c, w))[(1, 0, 2)[argument]]
        if argument < 2:  # (B, s, N, B, R, N): the diagonals over B and N
            own = torch.diagonal(torch.diagonal(jacobian, dim1=0, dim2=3), dim1=1, dim2=3).permute(2, 0, 1, 3)
        else:  # (B, s, N, K', N)
            own = torch.diagonal(jacobian, dim1=2, dim2=4)
        assert torch.allclose(found, own, rtol=1e-12, atol=1e-14)


@each_cell
@given(size=sizes)
def test_the_step_in_place_equals_step(cell_type, size):
    cell = cell_type()
    u, c, w = one_step(cell, size)
    expected = cell.step(u, c, w)
    assert torch.allclose(cell.step_(u, c, w), expected, rtol=1e-12, atol=1e-15)


def test_elstm_steps_in_place_to_float32_accuracy():
    cell = CELLS["elstm"]()
    u = torch.linspace(-20, 20, 10_001, dtype=torch.float64).expand(1, 2, -1) * torch.tensor([[0.1], [1.0]])
    c, w = torch.linspace(-1, 1, 10_001, dtype=torch.float64).expand(1, 1, -1), torch.ones(2, 10_001).double()
    found = cell.step_(u.float(), c.float(), w.float())
    assert (found - cell.step(u, c, w)).abs().max() < 1e-6


@given(size=sizes)
def test_lstm_with_an_episode_window_equals_autograd_full_bptt(size):
    cell = CELLS["lstm"]()
    parameters, stream = problem(cell, **size)
    gradient, _ = learn(make_method("tbptt", cell, options={"window": "episode"}), parameters, stream)
    assert_same(gradient, oracle.bptt(cell, parameters, stream))


def test_lstm_equals_torch_lstm():
    cell = CELLS["lstm"]()
    parameters, stream = problem(cell, unroll=6, segments=1, batch=3, inputs=4, hidden=5, seed=2)
    reference = torch.nn.LSTM(4, 5, dtype=torch.float64)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(parameters.weight.flatten(0, 1))
        reference.weight_hh_l0.copy_(parameters.recurrent.flatten(0, 1))
        reference.bias_ih_l0.copy_(parameters.bias.flatten())
        reference.bias_hh_l0.zero_()
    stream.starts[:] = False
    states = oracle.unrolled_states(cell, parameters, stream)
    assert torch.allclose(states[:, :, 0], reference(stream.x)[0], rtol=1e-12)
