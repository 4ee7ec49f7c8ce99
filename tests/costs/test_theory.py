"""What curves of costs say: where two of them cross, and with which exponent they grow."""

from __future__ import annotations

import re

import pytest

from rtrl_bench.costs.crossovers import measured_crossover
from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes, layer_shapes
from rtrl_bench.costs.theory import exponent, leading_term


@pytest.mark.parametrize(
    ("differences", "value"),
    [
        ([3, 1, -1, -2], 3.0),
        ([-1, -2, -3, -4], 1.0),
        ([1, 1, 1, 1], None),
        ([-1, 2, -2, -1], 3.0),
        ([-1, -1, -1, 1], None),
        ([], None),
    ],
)
def test_a_measured_crossover_is_where_the_difference_stays_negative(differences, value):
    assert measured_crossover([1, 2, 4, 8], differences) == value


def test_the_exponent_is_that_of_the_top_half():
    positions = [1, 2, 4, 8, 16]
    assert exponent(positions, [max(x, x**3 / 16) for x in positions]) == pytest.approx(3)
    assert exponent([5, 7], [5.0**2, 7.0**2]) == pytest.approx(2)
    assert exponent([5], [1.0]) is None


@pytest.mark.parametrize("cell", ["elstm", "rtu"])
@pytest.mark.parametrize(("method", "within"), [("rtrl_stepwise", 0.01), ("columnar", 0.22)])
def test_the_leading_terms_of_two_layers_are_nearly_all_of_the_prediction(method, within, cell):
    """But for the gradient of the stack's input, which 6 P has in it and a prediction has not."""
    sizes = Sizes(cell, 2, 2048, 2048, 3, unroll=10**6, episode=10**6)
    lower, upper = layer_shapes(sizes, reads_all_below=method == "columnar")
    symbols = {"B": 3, "N": 2048, "D_L": upper.inputs, "s": lower.cell.rows, "K": lower.cell.gates}
    symbols |= {"own": lower.own_sensitivities, "G_1": lower.readout, "P_1": lower.parameters, "P_L": upper.parameters}
    term = leading_term(method, 2, "flops").replace("(own S)", "own")
    products = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", term)
    value = eval(products, symbols | {"P": lower.parameters + upper.parameters})
    assert predict(method, sizes).flops_per_step == pytest.approx(value, rel=within)
