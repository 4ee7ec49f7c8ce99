"""Rows of the study's files that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from rtrl_bench.costs.crossovers import episode_crossover, unroll_crossover
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


def predicted(axis, rival, sizes):
    """The predicted crossover of RTRL and its rival along an axis."""
    points = [
        Point("a", axis, method, sizes.cell, replace(sizes, **{axis: value}), predict(method, sizes), True)
        for value in (2, 4)
        for method in (rival, "rtrl")
    ]
    (row,) = (row for row in tables.crossovers(points) if row["basis"] == "predicted")
    return row


def test_the_predicted_crossover_with_full_bptt_is_an_episodes_length():
    sizes = Sizes("elstm", 2, 32, 33, 4, 50, 700)
    row, episode = predicted("episode", "bptt", sizes), episode_crossover("rtrl", sizes)
    assert (row["kind"], row["value"]) == ("episode", episode)
    assert (
        row["text"] == f"RTRL is predicted to need less memory than full BPTT for episodes of {episode} steps and more"
    )
    assert [row[key] for key in ("cell", "layers", "hidden", "inputs", "batch")] == ["elstm", 2, 32, 33, 4]


def test_the_predicted_crossover_with_tbptt_is_a_segments_length():
    sizes = Sizes("elstm", 1, 64, 8, 4, 50, 700)  # few inputs
    row, unroll = predicted("unroll", "tbptt", sizes), unroll_crossover(sizes)
    assert (row["kind"], row["value"]) == ("unroll", unroll)
    assert row["text"].endswith(f"less than 1.1 x the operations of TBPTT from segments of {unroll} on")
