"""Predicted costs against what the networks themselves hold and do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import jax
import pytest
import torch
from oracles.cells import NAMES
from oracles.operations import Operations

from rtrl_bench.cells import CELLS
from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.costs.theory import exponent
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs import generic_rtrl, jax_cells
from rtrl_bench.experiments.costs.cases import TorchCase
from rtrl_bench.layer import RecurrentStack

SMALL = Sizes("elstm", layers=2, hidden=5, inputs=3, batch=2, unroll=4, episode=9)
CARRIERS = ("rtrl", "rtrl_layerwise", "rtrl_segment", "columnar")


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("method", CARRIERS)
@pytest.mark.parametrize("cell", NAMES)
def test_carried_bytes_are_those_of_the_stack(cell, method, layers):
    stack = RecurrentStack(3, 5, layers, cell, method)
    stack.progress = 1.0  # the last layer of a columnar network is in training
    assert predict(method, replace(SMALL, cell=cell, layers=layers)).state_bytes == stack.begin(2).bytes()


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("method", "cell", "options"),
    [
        *(("immediate", "lstm", {}), ("snap", "lstm", {}), ("snap", "gru", {}), ("snap", "lstm", {"order": 2})),
        *(("random_paths", "elstm", {"paths": 2}), ("random_paths", "lstm", {}), ("uoro", "elstm", {})),
        *(("uoro", "lstm", {}), ("eprop", "lstm", {}), ("rflo", "leaky_rnn", {}), ("kf_rtrl", "lstm", {})),
    ],
)
def test_carried_bytes_of_an_approximation_are_those_of_the_stack(method, cell, options, layers):
    stack = RecurrentStack(3, 5, layers, cell, method, options)
    assert predict(method, replace(SMALL, cell=cell, layers=layers), options).state_bytes == stack.begin(2).bytes()


def test_the_textbook_form_carries_what_the_segment_wise_form_does():
    stack = RecurrentStack(3, 5, gradient="rtrl_stepwise")
    assert predict("rtrl_stepwise", replace(SMALL, layers=1)).state_bytes == stack.begin(2).bytes()
    assert predict("rtrl_stepwise", SMALL).state_bytes == predict("rtrl", SMALL).state_bytes


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "elstm"])
def test_dense_rtrl_carries_what_its_jax_form_does(cell, layers):
    stack = jax_cells.stack(jax_cells.JAX_CELLS[cell], layers)
    params = jax.eval_shape(lambda: stack.init(jax.random.key(0), 3, 5))
    carry = jax.eval_shape(lambda p: generic_rtrl.begin(stack, p, 5), params)
    cost = predict("rtrl_dense_segment", replace(SMALL, cell=cell, layers=layers))
    assert cost.state_bytes == 2 * sum(leaf.size * 4 for leaf in jax.tree.leaves(carry))
    assert cost.parameter_bytes == 2 * sum(leaf.size * 4 for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].state])
def test_parameters_are_counted_with_their_gradient(cell):
    stack = RecurrentStack(3, 5, 2, cell, "tbptt")
    assert predict("tbptt", replace(SMALL, cell=cell)).parameter_bytes == 2 * 4 * sum(
        parameter.numel() for parameter in stack.parameters()
    )


@pytest.mark.parametrize("unroll", [3, 20])
@pytest.mark.parametrize(
    ("method", "layers", "cell"),
    [
        *(("tbptt", 2, "elstm"), ("tbptt", 1, "lstm"), ("rtrl", 1, "elstm"), ("rtrl", 2, "elstm")),
        *(("rtrl", 3, "elstm"), ("rtrl", 4, "elstm"), ("rtrl_layerwise", 3, "elstm"), ("columnar", 2, "elstm")),
        *(("immediate", 2, "lstm"), ("snap", 2, "lstm"), ("snap", 1, "gru"), ("random_paths", 1, "rnn")),
        *(("uoro", 2, "lstm"), ("eprop", 1, "lstm"), ("rflo", 2, "leaky_rnn"), ("kf_rtrl", 2, "lstm")),
        ("rtrl_dense", 1, "gru"),
        *(("rtrl", layers, cell) for cell in NAMES for layers in (1, 2) if cell != "elstm"),
    ],
)
def test_operations_are_those_that_pytorch_does(method, layers, cell, unroll):
    """Within what the formulas leave out: terms in N, and rows that go on to the stack's input (up to a third)."""
    sizes = Sizes(cell, layers, 24, 24, 2, unroll, unroll)
    case = TorchCase(method, sizes, torch.device("cpu"))
    case.begin()
    with Operations() as counted:
        case.run()
    assert 0.93 < counted.total / predict(method, sizes).flops_per_segment < 1.3


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_dense_rtrl_needs_the_memory_that_is_told(cell):
    sizes = Sizes(cell, 1, 24, 24, 4, 10, 10)
    told = predict("rtrl_dense", sizes)
    needed = TorchCase("rtrl_dense", sizes, torch.device("cpu")).counts().peak_bytes
    assert needed == pytest.approx(told.peak_bytes + told.parameter_bytes, rel=0.1)


def _growth(method, layers, unroll, cell="elstm"):
    """The power of N that a step costs, for D = N."""
    widths = [1024, 2048, 4096]
    sizes = [Sizes(cell, layers, n, n, 1, unroll, 100) for n in widths]
    return exponent(widths, [predict(method, z).flops_per_step for z in sizes])


@pytest.mark.parametrize(
    ("method", "layers", "cell", "power"),
    [
        *(("tbptt", 1, "elstm", 2), ("rtrl", 1, "elstm", 2), ("rtrl_stepwise", 1, "elstm", 2)),
        *(("rtrl", 2, "elstm", 3), ("rtrl_layerwise", 3, "elstm", 2), ("rtrl_stepwise", 2, "elstm", 3)),
        *(("rtrl_stepwise", 3, "elstm", 4), ("rtrl_dense", 1, "gru", 4), ("rtrl_dense", 1, "rnn", 4)),
    ],
)
def test_the_powers_of_the_hidden_size(method, layers, cell, power):
    assert _growth(method, layers, 50, cell) == pytest.approx(power, abs=0.03)


@pytest.mark.parametrize(("method", "layers", "cell"), [("rtrl", 3, "elstm"), ("rtrl_dense_segment", 1, "gru")])
def test_a_segment_pays_the_fourth_power_once(method, layers, cell):
    assert _growth(method, layers, 1, cell) == pytest.approx(4, abs=0.05)
    assert _growth(method, layers, 10**6, cell) == pytest.approx(3, abs=0.05)


def small(method):
    """Sizes of a stack of a cell that the method takes."""
    cell = {"eprop": "lstm", "rflo": "leaky_rnn", "kf_rtrl": "rnn"}.get(method, "elstm")
    return replace(SMALL, cell=cell, layers=1 if method == "rtrl_dense" else SMALL.layers)


def test_memory_grows_with_the_episode_for_full_bptt_alone():
    longer = lambda method: replace(small(method), episode=10 * SMALL.episode)
    assert predict("bptt", longer("bptt")).peak_bytes > 9 * predict("bptt", SMALL).peak_bytes
    for method in METHODS:
        if method != "bptt":
            assert predict(method, longer(method)) == predict(method, small(method))


@pytest.mark.parametrize("method", METHODS)
def test_everything_is_counted_for_all_slots(method):
    one, many = (predict(method, replace(small(method), batch=batch)) for batch in (1, 12))
    assert many.state_bytes == 12 * one.state_bytes
    assert many.flops_per_segment == 12 * one.flops_per_segment
    assert many.peak_bytes == 12 * one.peak_bytes


@pytest.mark.parametrize("name", ["layers", "hidden", "inputs", "batch", "unroll", "episode", "bytes_per_number"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_a_size_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=f"{name} = {value}: expected an integer >= 1"):
        replace(SMALL, **{name: value})


@pytest.mark.parametrize(
    ("method", "cell", "message"),
    [
        ("rtrll", "elstm", "unknown method 'rtrll': expected one of bptt, tbptt"),
        ("rtrl", "lstm", "'rtrl': .* element-wise cell, not lstm; use rtrl_dense"),
        ("rtrl_layerwise", "gru", "element-wise cell, not gru"),
        ("eprop", "gru", "eprop needs a cell with a hidden state"),
        ("tbptt", "elsmt", "unknown cell 'elsmt': expected one of .*; did you mean elstm"),
        ("tbptt", "none", "cell = 'none': it has no recurrence"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(method, cell, message):
    with pytest.raises(ConfigError, match=message):
        predict(method, replace(SMALL, cell=cell))


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("rtrl", {"nonsense": 1}, "nonsense = 1: unknown option of gradient: rtrl, it has no options"),
        ("bptt", {"window": 5}, "window = 5: unknown option of gradient: bptt"),
        ("snap", {"orders": 2}, "orders = 2: unknown option of gradient: snap"),
        ("tbptt", {"windows": 5}, "windows = 5: unknown option of gradient: tbptt"),
        ("tbptt", {"window": 200}, "window = 200: there is no formula for a window; give its steps as unroll"),
        ("tbptt", {"window": "episode"}, "window = 'episode': .* bptt for whole episodes"),
    ],
)
def test_options_that_are_not_counted_are_refused_by_name(method, options, message):
    with pytest.raises(ConfigError, match=message):
        predict(method, SMALL, options)


def test_options_may_say_what_holds_without_them():
    assert predict("tbptt", SMALL, {"window": None}) == predict("tbptt", SMALL)


def test_importing_the_predictions_imports_no_torch():
    check = "import sys, rtrl_bench.costs.predict; sys.exit('torch' in sys.modules or 'jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
