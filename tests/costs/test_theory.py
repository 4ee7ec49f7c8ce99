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
@pytest.mark.parametrize(
    ("method", "layers", "within"),
    [("rtrl_stepwise", 1, 0.01), ("rtrl_stepwise", 2, 0.01), ("rtrl", 2, 0.01), ("columnar", 2, 0.22)],
)
def test_the_leading_terms_are_nearly_all_of_the_prediction(method, layers, within, cell):
    """But for the gradient of the stack's input, which 6 P has in it and a prediction has not."""
    sizes = Sizes(cell, layers, 2048, 2048, 3, unroll=10**6, episode=10**6)
    stack = layer_shapes(sizes, reads_all_below=method == "columnar")
    lower, upper = stack[0], stack[-1]
    symbols = {"B": 3, "N": 2048, "D": 2048, "D_L": upper.inputs, "s": lower.cell.rows, "K": lower.cell.gates}
    symbols |= {"own": lower.own_sensitivities, "G_1": lower.readout, "P_1": lower.parameters, "P_L": upper.parameters}
    symbols |= {"C_1": lower.readout - lower.readout_of_x, "G": sum(layer.readout for layer in stack)}
    term = leading_term(method, layers, "flops").replace("(own S)", "own")
    products = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", term)
    value = eval(products, symbols | {"P": sum(layer.parameters for layer in stack)})
    assert predict(method, sizes).flops_per_step == pytest.approx(value, rel=within)
