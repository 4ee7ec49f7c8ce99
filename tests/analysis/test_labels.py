"""How numbers are written."""

from __future__ import annotations

import pytest

from analysis import labels


@pytest.mark.parametrize(
    ("values", "said"), [((2, 3), "2.00–3.00"), ((-6, -2.15), "-6.00 to -2.15"), ((-1, 2), "-1.00 to 2.00")]
)
def test_a_span_from_a_negative_number_is_no_row_of_dashes(values, said):
    assert labels.span(values) == said


@pytest.mark.parametrize(("numbers", "said"), [([1, 1], "n = 1 seed"), ([3, 5], "n = 3–5 seeds"), ([2], "n = 2 seeds")])
def test_a_single_seed_is_no_plural(numbers, said):
    assert labels.seeds(numbers) == said


@pytest.mark.parametrize(("value", "said"), [(9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (-9.996, "-10.0")])
def test_a_number_has_three_digits_once_it_is_rounded(value, said):
    assert labels.number(value) == said


@pytest.mark.parametrize(
    ("p", "said"), [(0.0496, "= 0.049"), (0.05, "= 0.050"), (0.0004, "< 0.001"), (0.02, "= 0.020")]
)
def test_a_p_below_0_05_is_never_rounded_to_it(p, said):
    assert labels.compared(p) == said
