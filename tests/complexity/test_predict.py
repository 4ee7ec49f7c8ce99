"""Predicted costs: what is carried is exact, and what cannot be is refused by name."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.cli import main
from rtrl_bench.complexity.predict import predict
from rtrl_bench.complexity.shapes import Sizes
from rtrl_bench.config import ConfigError
from rtrl_bench.layer import RecurrentStack


def sizes(**changes):
    one = {"cell": "elstm", "layers": 2, "hidden": 5, "inputs": 4, "batch": 3, "unroll": 6, "episode": 50}
    return Sizes(**{**one, **changes})


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("method", ["rtrl", "rtrl_segment", "rtrl_layerwise", "columnar"])
def test_the_bytes_carried_are_those_of_the_stack(method, layers):
    stack = RecurrentStack(4, 5, layers, gradient=method)
    stack.method.progress = 1.0  # columns: the newest layer, which reads most
    h, carry = stack(torch.randn(6, 3, 4), torch.zeros(6, 3, dtype=torch.bool), stack.begin(3))
    h.sum().backward()
    assert predict(method, sizes(layers=layers)).state_bytes == carry.bytes()


@pytest.mark.parametrize("name", ["layers", "hidden", "inputs", "batch", "unroll", "episode"])
def test_sizes_below_one_are_refused_by_name(name):
    with pytest.raises(ConfigError, match=f"{name} = 0: expected an integer >= 1"):
        sizes(**{name: 0})


def test_exact_rtrl_of_a_cell_that_is_not_element_wise_is_refused():
    with pytest.raises(ConfigError, match="needs an element-wise cell, lstm is none"):
        predict("rtrl", sizes(cell="lstm"))


def test_doubling_the_units_of_two_layers_takes_eight_times_the_memory():
    small, large = (predict("rtrl", sizes(hidden=n, inputs=n)).state_bytes for n in (256, 512))
    assert large / small == pytest.approx(8, rel=0.02)


def test_the_cost_command_prints_the_bytes(capsys):
    words = "cost --cell elstm --layers 2 --hidden 256 --input 257 --batch 32 --unroll 50"
    assert main(words.split()) == 0
    assert "8,690,991,104" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cost --hidden 0 --input 4", "hidden = 0"),
        ("cost --hidden 8 --input 4 --layers 2 --cell lstm --gradient rtrl", "element-wise"),
        ("cost --hidden 8 --input 4 --cell elstn", "elstn"),
    ],
)
def test_the_cost_command_refuses_bad_input_with_one_message(capsys, words, message):
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1
