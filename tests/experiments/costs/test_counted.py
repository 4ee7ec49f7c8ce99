"""Counts: of operators by hand, near to the prediction for whole programs, right in the compiler's loops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs.cases import counts, make_case, refusal
from rtrl_bench.experiments.costs.counted import Counts, TorchOperators, counted_by_xla

B, M, N, D = 3, 10, 48, 80


def counted(method, cell="elstm", layers=1, hidden=N, unroll=M, episode=M):
    return counts(method, Sizes(cell, layers, hidden, D, B, unroll, episode))


def test_operators_by_hand():
    a, b, c = torch.ones(2, 3), torch.ones(3, 5), torch.ones(2, 5)
    with TorchOperators() as counter:
        (a @ b).mul_(c)
        torch.addmv(c[:, 0], a, b[:, 0])
        c.addcmul_(c, c).sum()
        c.t().clone()
    assert counter.flops == 2 * 2 * 3 * 5 + 10 + 2 * 2 * 3 + 2 * 10 + 10
    moved = [6 + 15 + 10, 10 + 10 + 10, 2 + 6 + 3 + 2, 10 * 4, 10 + 1, 10 + 10]
    assert counter.bytes == 4 * sum(moved)


def test_the_peak_is_of_what_is_alive_at_the_same_time():
    with TorchOperators() as counter:
        for _ in range(3):
            a = torch.zeros(100)
            b = a[10:] + 1
            del a, b
        torch.zeros(150)
    assert counter.peak_bytes == 4 * 190


def test_operators_that_are_not_torchs_own_are_not_passed_over():
    @torch.library.custom_op("counted_test::double", mutates_args=())
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    with pytest.raises(NotImplementedError, match="only those of torch itself"), TorchOperators():
        double(torch.ones(3))


@pytest.mark.parametrize(
    ("method", "cell", "layers"),
    [
        *[(method, "elstm", 1) for method in ("bptt", "tbptt", "rtrl_stepwise", "rtrl_segment")],
        *[(method, "elstm", 3) for method in ("rtrl", "rtrl_layerwise", "columnar")],
        *[("rtrl", "rtu", 1), ("bptt", "lstm", 1)],
        *[("rtrl_dense", cell, 1) for cell in ("rnn", "gru")],
        ("rtrl_dense_segment", "rnn", 1),
    ],
)
def test_the_formulas_operations_are_the_counted_ones_within_a_quarter(method, cell, layers):
    predicted = predict(method, Sizes(cell, layers, N, D, B, M, M)).flops_per_step
    assert counted(method, cell, layers).flops_per_step == pytest.approx(predicted, rel=0.25)


def test_peak_memory_of_bptt_grows_with_the_episode_and_that_of_rtrl_does_not():
    short, long = (counted("bptt", episode=steps).peak_bytes for steps in (100, 400))
    assert long > 3 * short
    assert counted("rtrl", episode=100) == counted("rtrl", episode=400)


def test_peak_memory_holds_at_least_the_sensitivities_that_are_carried():
    carried = predict("rtrl", Sizes("elstm", 2, 64, D, B, M, M)).state_bytes
    assert carried < counted("rtrl", layers=2, hidden=64).peak_bytes < 4 * carried


def test_the_compilers_operations_in_loops_are_those_of_the_loop_written_out():
    def step(c, x):
        return jnp.tanh(c @ x), None

    def looped(c, xs):
        return jax.lax.scan(step, c, xs)[0]

    def written_out(c, xs):
        for x in xs:
            c, _ = step(c, x)
        return c

    shapes = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((20, 20), (6, 20, 20)))
    c, xs = shapes
    loop, line = (counted_by_xla(jax.jit(f).trace(c, xs), 6).flops_per_step for f in (looped, written_out))
    assert loop == pytest.approx(line, rel=0.05)
    assert line == pytest.approx(2 * 20**3, rel=0.05)


def test_the_compilers_bytes_and_peak_are_those_of_what_goes_in_and_out():
    program = jax.jit(lambda a: a + 1).trace(jax.ShapeDtypeStruct((1000,), jnp.float32))
    assert counted_by_xla(program, 2) == Counts(500, 4000, 8000)


def test_a_case_in_jax_goes_on_from_the_state_that_it_was_left_in():
    case = make_case("rtrl_dense_segment", Sizes("rnn", 1, 4, 4, 2, 2, 2), torch.device("cpu"))
    case.begin()
    carried = []
    for _ in range(3):
        carried.append(jax.tree.map(np.array, case._carry))
        case.run()
    first, second, third = ([float(np.abs(part).sum()) for part in jax.tree.leaves(carry)] for carry in carried)
    assert set(first) == {0.0}
    assert 0.0 not in second and second != third


@pytest.mark.parametrize(
    ("method", "cell", "ratio"),
    [
        *(("immediate", "lstm", 0.96), ("eprop", "lstm", 1.10), ("rflo", "leaky_rnn", 0.98), ("snap", "lstm", 0.74)),
        *(("uoro", "lstm", 0.80), ("kf_rtrl", "lstm", 0.96), ("random_paths", "lstm", 1.03)),
        ("rtrl_dense", "gru", 1.26),
    ],
)
def test_the_formulas_peak_of_an_approximation_is_the_counted_one_but_for_temporary_copies(method, cell, ratio):
    sizes = Sizes(cell, 1, 24, 24, 4, M, M)
    predicted = predict(method, sizes)
    found = counts(method, sizes).peak_bytes / (predicted.peak_bytes + predicted.parameter_bytes)
    assert found == pytest.approx(ratio, abs=0.05)


def test_a_cell_without_a_program_in_jax_is_refused_by_name():
    sizes = Sizes("lru", 1, N, D, B, M, M)
    assert "the cells rnn, gru, lstm, elstm alone" in refusal("rtrl_dense_segment", sizes)
