"""Rows of the study's files that are worked out by hand."""

from __future__ import annotations

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs import tables
from rtrl_bench.experiments.costs.config import LimitsConfig
from rtrl_bench.experiments.costs.points import Point


def point(measured, hidden=64):
    sizes = Sizes("elstm", 2, hidden, hidden, 8, 10, 10)
    cost = predict("rtrl", sizes)
    return Point("a", "hidden", "rtrl", "elstm", sizes, cost, True, {"measured_peak_bytes": measured})


def test_peaks_are_measured_over_predicted_with_parameters_and_gradient():
    cost = point(0).cost
    peak = cost.peak_bytes + cost.parameter_bytes
    assert tables.peak_ratio([point(peak), point(2 * peak), point(5 * peak)]) == {
        "low": 1.0,
        "median": 2.0,
        "high": 5.0,
    }


def test_a_small_peak_is_not_compared():
    assert tables.peak_ratio([point(1, hidden=4)]) is None


def test_limits_are_in_decimal_gigabytes_and_their_bytes_are_of_one_slot():
    (row,) = tables.limits(LimitsConfig(memory_gb=[2], layers=[1], methods={"rtrl": ["elstm"]}))
    assert (row["largest_hidden"], row["bytes_per_slot"]) == (9212, 19124112)
