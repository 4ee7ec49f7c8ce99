"""Generic RTRL in JAX equals automatic differentiation through the whole stream, and PyTorch, in float64."""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.experimental import enable_x64

from rtrl_bench import RecurrentStack
from rtrl_bench.experiments.costs import generic_rtrl
from rtrl_bench.experiments.costs.generic_rtrl import Steps
from rtrl_bench.experiments.costs.jax_cells import JAX_CELLS, JaxCell, Params, stack

T, B, D, N = 8, 2, 3, 4
STARTS = [(0, 0), (0, 1), (3, 0), (5, 1), (6, 1)]  # (step, slot): inside segments of 4 and at the start of one of 1
TOLERANCE = 1e-10
pytestmark = pytest.mark.xdist_group("generic_rtrl")  # programs are compiled once for all tests
each_cell = pytest.mark.parametrize("cell", list(JAX_CELLS))


@pytest.fixture(autouse=True)
def float64():
    with enable_x64():
        yield


FAST_TO_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Problem(NamedTuple):
    """Random parameters of a stack, and a stream (T, B, ...) whose episodes start inside segments."""

    cell: JaxCell
    params: Params
    stream: Steps

    def segments(self, steps):
        return [Steps(*(a[t : t + steps] for a in self.stream)) for t in range(0, T, steps)]


@cache
def problem(name, layers):
    rng = np.random.default_rng(layers)
    cell = stack(JAX_CELLS[name], layers)
    keep = np.ones((T, B))
    keep[tuple(zip(*STARTS))] = 0
    stream = Steps(rng.normal(size=(T, B, D)), keep, rng.normal(size=(T, B, N)))
    shapes = jax.eval_shape(lambda: cell.init(jax.random.key(0), D, N))
    return Problem(cell, jax.tree.map(lambda p: 0.7 * rng.normal(size=p.shape), shapes), stream)


def loss(h, target):
    return (target * jnp.tanh(h)).sum()


@cache
def truth(name, layers):
    """∂/∂θ of the whole stream's loss by JAX."""
    p = problem(name, layers)
    cell = p.cell

    def total(params, stream):
        def step(states, at):
            x, keep, target = at
            before = jnp.where(keep[:, None, None, None] > 0, states, 0.0)
            states, h = jax.vmap(cell.step, in_axes=(None, 0, 0))(params, before, x)
            return states, loss(h, target)

        return jax.lax.scan(step, jnp.stack([cell.zero_state(N)] * B), stream)[1].sum()

    return compiled(jax.grad(total))(p.params, p.stream)


def compiled(function):
    """Compiled in haste, and with NumPy arrays as its result: every operation on JAX's would be compiled as well."""
    fast = jax.jit(function, compiler_options=FAST_TO_COMPILE)
    return lambda *arguments: jax.tree.map(np.asarray, fast(*arguments))


def learn(segment, p, carry, steps):
    """Run the stream in segments of `steps` steps: the summed gradients and the last carry."""
    segment, gradients = compiled(segment), []
    carry = zeros(carry)
    for part in p.segments(steps):
        gradient, carry = segment(p.params, carry, part)
        gradients.append(gradient)
    return jax.tree.map(lambda *parts: sum(parts), *gradients), carry


def zeros(shapes):
    return jax.tree.map(lambda z: np.zeros(z.shape), shapes)


@cache
def generic(name, layers, steps):
    """The generic method over segments of `steps` steps."""
    p = problem(name, layers)
    return learn(generic_segment(p), p, generic_carry(p), steps)


def generic_segment(p):
    return partial(generic_rtrl.segment_of_slots, p.cell, loss)


def generic_carry(p):
    return jax.eval_shape(partial(generic_rtrl.begin_slots, p.cell, hidden=N, batch=B), p.params)


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for (path, a), b in zip(jax.tree.leaves_with_path(found), jax.tree.leaves(expected)):
        assert a.dtype == b.dtype == np.float64
        error = np.linalg.norm(a - b) / np.maximum(np.linalg.norm(b), 1e-30)
        assert error < TOLERANCE, f"{jax.tree_util.keystr(path)}: relative error {error:.1e}"


@each_cell
@pytest.mark.parametrize(("layers", "steps"), [(2, 1), (2, 4)])
def test_generic_rtrl_equals_autodiff_through_the_stream(cell, layers, steps):
    assert_same(generic(cell, layers, steps)[0], truth(cell, layers))


@each_cell
def test_stepwise_and_segment_wise_generic_rtrl_carry_the_same_sensitivities(cell):
    assert_same(generic(cell, 2, 4)[1], generic(cell, 2, 1)[1])


def test_a_start_in_every_slot_leaves_the_carry_of_what_follows_alone():
    p = problem("gru", 1)
    _, carry = generic("gru", 1, 4)
    begun = p.segments(4)[1]._replace(keep=np.array([[0.0] * B] + [[1.0] * B] * 3))
    segment = compiled(generic_segment(p))
    assert_same(segment(p.params, carry, begun), segment(p.params, zeros(carry), begun))


def torch_gradient(cell, layers, **options):
    """Gradients of the same loss by the PyTorch stack with the same parameters, over segments of 4 steps."""
    p = problem(cell, layers)
    ours = RecurrentStack(D, N, layers=layers, cell=cell, **options).double()
    parameters = [dict(layer.named_parameters()) for layer in ours.layers]
    for of_layer, params in zip(parameters, p.params):
        assert len(of_layer) == len(jax.tree.leaves(params))
        for name, parameter in of_layer.items():
            parameter.data.copy_(torch.from_numpy(by_torch_name(params, name)))
    x, keep, v = (torch.from_numpy(a) for a in p.stream)
    carry = ours.begin(B)
    for t in range(0, T, 4):
        h, carry = ours(x[t : t + 4], keep[t : t + 4] == 0, carry)
        (v[t : t + 4] * torch.tanh(h)).sum().backward()
    return [{name: p.grad.numpy() for name, p in of_layer.items()} for of_layer in parameters]


def by_torch_name(params, name):
    """A leaf of one layer's pytree: `readout.linear.weight` is ["readout"]["weight"]."""
    for key in name.replace(".linear", "").split("."):
        params = params[key]
    return params


def assert_same_as_torch(gradient, expected):
    for layer, truth_of_layer in zip(gradient, expected, strict=True):
        assert_same({name: by_torch_name(layer, name) for name in truth_of_layer}, truth_of_layer)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_elstm_equals_the_pytorch_stack(layers):
    assert_same_as_torch(generic("elstm", layers, 4)[0], torch_gradient("elstm", layers, gradient="rtrl"))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_dense_cells_equal_full_bptt_of_the_pytorch_stack(cell):
    full_bptt = {"gradient": "tbptt", "gradient_options": {"window": "episode"}}
    assert_same_as_torch(generic(cell, 2, 4)[0], torch_gradient(cell, 2, **full_bptt))
