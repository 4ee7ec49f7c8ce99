"""The sentence above the figure of RTRL's gain against the cosine of TBPTT's gradient."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.reinforcement.figures.gain_and_cosine import verdict


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ([0.9, 0.8, 0.5, 0.3, 0.2, 0.0], "-1.00 (p = 0.003); RTRL gains less"),
        ([0.0, 0.2, 0.3, 0.5, 0.8, 0.9], "1.00 (p = 0.003); RTRL gains more"),
    ],
)
def test_a_gain_that_falls_or_rises_with_the_cosine_is_said_to(gains, said):
    numbers = pd.DataFrame({"cosine": [0.1, 0.3, 0.4, 0.7, 0.8, 0.9], "gain": gains})
    assert (
        verdict(numbers)
        == f"6 points, taken as independent: rank correlation {said} where TBPTT's gradient is nearer to the exact one."
    )


def test_four_points_in_order_are_no_finding():
    """Two of the 4! orders are as extreme: p = 0.083."""
    numbers = pd.DataFrame({"cosine": [0.1, 0.3, 0.4, 0.7], "gain": [0.4, 0.3, 0.2, 0.1]})
    said = "rank correlation -1.00 (p = 0.083); whether the gain goes with the cosine cannot be told from these."
    assert verdict(numbers) == f"4 points, taken as independent: {said}"


def test_gains_that_are_all_equal_have_no_correlation():
    numbers = pd.DataFrame({"cosine": [0.1, 0.3, 0.4, 0.7], "gain": [1.0, 1.0, 1.0, 1.0]})
    assert verdict(numbers) == "4 points that all have the same cosine or the same gain: no correlation."


def test_a_correlation_that_may_be_chance_is_no_finding():
    """Ranks 3 1 4 2: 1 - 6 (4 + 1 + 1 + 4) / (4 · 15) = 0."""
    numbers = pd.DataFrame({"cosine": [0.1, 0.3, 0.4, 0.7], "gain": [0.3, 0.1, 0.4, 0.2]})
    said = "whether the gain goes with the cosine cannot be told from these."
    assert verdict(numbers) == f"4 points, taken as independent: rank correlation 0.00 (p = 1.000); {said}"


def test_three_points_are_too_few():
    numbers = pd.DataFrame({"cosine": [0.1, 0.3, 0.4], "gain": [0.3, 0.2, 0.1]})
    assert verdict(numbers) == "Too few points (3) to say whether the gain goes with the cosine."
