"""Measurements: whose memory is counted, and how times are summed up."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs import measure
from rtrl_bench.runs import timing

CPU = torch.device("cpu")
MB = 1e6


def test_peak_memory_is_the_networks_own():
    small = measure.peak_bytes("rtrl", Sizes("elstm", 1, 16, 16, 2, 5, 5), CPU)
    large = Sizes("elstm", 2, 64, 64, 8, 10, 10)
    cost = predict("rtrl", large)
    assert small < 5 * MB  # torch alone takes a hundred
    ratio = measure.peak_bytes("rtrl", large, CPU) / (cost.peak_bytes + cost.parameter_bytes)
    assert cost.peak_bytes > 30 * MB
    assert 0.8 < ratio < 1.25


def test_what_torch_loads_for_dense_rtrl_is_not_the_methods():
    assert measure.peak_bytes("rtrl_dense", Sizes("rnn", 1, 8, 8, 8, 5, 5), CPU) < 10 * MB


def test_every_point_is_timed_as_often_as_the_others():
    sizes = Sizes("elstm", 1, 4, 4, 2, 5, 10)
    points = {"a": ("rtrl", sizes), "b": ("bptt", sizes), "c": ("tbptt", sizes)}
    times = measure.step_times(points, CPU, repeats=5, budget_s=60.0)
    assert list(times) == ["a", "b", "c"]
    for each in times.values():
        assert each.repeats == 5
        assert 0 < each.measured_step_s_low <= each.measured_step_s <= each.measured_step_s_high < 1


def test_without_time_left_there_are_three_repeats():
    sizes = Sizes("elstm", 1, 4, 4, 2, 5, 10)
    assert measure.step_times({"a": ("rtrl", sizes)}, CPU, repeats=50, budget_s=0.0)["a"].repeats == 3


def test_a_time_is_per_step(monkeypatch):
    monkeypatch.setattr(timing, "_by_the_clock", lambda work: 12.0)
    sizes = Sizes("elstm", 1, 4, 4, 2, unroll=3, episode=6)
    times = measure.step_times({"rtrl": ("rtrl", sizes), "bptt": ("bptt", sizes)}, CPU, repeats=3, budget_s=1.0)
    assert (times["rtrl"].measured_step_s, times["bptt"].measured_step_s) == (4.0, 2.0)


def test_quartiles_by_hand():
    assert measure.timing([4.0, 1.0, 2.0, 3.0, 5.0]) == measure.Timing(3.0, 2.0, 4.0, 5)
    assert measure.timing([2.0]) == measure.Timing(2.0, 2.0, 2.0, 1)


def test_a_killed_measurement_is_said_to_be_none(monkeypatch):
    class Killed:
        def __init__(self, *arguments):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def submit(self, *arguments):
            raise BrokenProcessPool

    monkeypatch.setattr(measure, "ProcessPoolExecutor", Killed)
    with pytest.raises(measure.NotMeasured, match="was killed"):
        measure.peak_bytes("rtrl", Sizes("elstm", 1, 4, 4, 2, 5, 10), CPU)
