"""What curves of costs say: where two of them cross, and with which exponent they grow."""

from __future__ import annotations

import pytest

from rtrl_bench.costs.crossovers import measured_crossover
from rtrl_bench.costs.theory import exponent


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
