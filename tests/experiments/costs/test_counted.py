"""The compiler's counts: right in loops, near to the prediction, and refused where there is no such program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs.counted import count
from rtrl_bench.experiments.costs.jax_cells import JAX_CELLS, stack

B, M, N, D = 3, 10, 48, 80


def counted(method, cell="elstm", layers=1, hidden=N, unroll=M, episode=M):
    return count(method, cell, layers, hidden, D, B, unroll, episode)


def written_out_flops(name, layers, steps):
    """What the compiler counts for full BPTT without any loop, per step."""
    cell = stack(JAX_CELLS[name], layers)

    def loss(params, x, target):
        def of_slot(x, target):
            state, total = cell.zero_state(N), 0.0
            for x_t, target_t in zip(x, target):
                state, h = cell.step(params, state, x_t)
                total += jnp.vdot(h, target_t)
            return total

        return jax.vmap(of_slot, in_axes=1)(x, target).sum()

    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), D, N))
    x, target = (jax.ShapeDtypeStruct((steps, B, size), jnp.float32) for size in (D, N))
    return jax.jit(jax.grad(loss)).lower(params, x, target).compile().cost_analysis()["flops"] / steps


@pytest.mark.parametrize(("cell", "layers"), [("elstm", 2), ("gru", 1)])
def test_operations_in_loops_are_those_of_the_loop_written_out(cell, layers):
    found = counted("bptt", cell, layers, episode=6).flops_per_step
    assert found == pytest.approx(written_out_flops(cell, layers, 6), rel=0.05)


@pytest.mark.parametrize("method", ["bptt", "rtrl_stepwise", "rtrl_dense"])
def test_operations_per_step_do_not_depend_on_the_number_of_steps(method):
    few, many = (counted(method, unroll=steps, episode=steps).flops_per_step for steps in (8, 64))
    assert many == pytest.approx(few, rel=0.03)


@pytest.mark.parametrize(
    ("method", "cell", "layers"),
    [
        *[(method, "elstm", layers) for method in ("tbptt", "rtrl", "rtrl_stepwise") for layers in (1, 2, 3)],
        *[("rtrl_layerwise", "elstm", 2), ("bptt", "elstm", 2), ("bptt", "lstm", 1)],
        *[("rtrl_dense", cell, 1) for cell in ("rnn", "gru")],
        *[("rtrl_dense_segment", "rnn", 1), ("rtrl_dense_segment", "elstm", 2)],
    ],
)
def test_the_formulas_operations_are_the_compilers_within_a_quarter(method, cell, layers):
    predicted = predict(method, Sizes(cell, layers, N, D, B, M, M)).flops_per_step
    assert counted(method, cell, layers).flops_per_step == pytest.approx(predicted, rel=0.25)


def test_peak_memory_of_bptt_grows_with_the_episode_and_that_of_rtrl_does_not():
    short, long = (counted("bptt", episode=steps).peak_bytes for steps in (100, 400))
    assert long > 3 * short
    assert counted("rtrl", episode=100) == counted("rtrl", episode=400)


def test_peak_memory_holds_at_least_the_sensitivities_that_are_carried():
    carried = predict("rtrl", Sizes("elstm", 2, 64, D, B, M, M)).state_bytes
    assert carried < counted("rtrl", layers=2, hidden=64).peak_bytes < 4 * carried


@pytest.mark.parametrize(
    ("method", "cell", "named"),
    [("columnar", "elstm", "columnar"), ("rtrl", "lstm", "elstm alone"), ("tbptt", "none", "cell = 'none'")],
)
def test_what_has_no_program_is_refused_by_name(method, cell, named):
    with pytest.raises(ConfigError, match=named):
        counted(method, cell)
