"""What is made of measured times."""

from __future__ import annotations

import torch

from rtrl_bench.runs import timing


def test_the_median_of_the_measured_times_is_taken(monkeypatch):
    monkeypatch.setattr(timing, "alternating", lambda *arguments: {"a": [1.0, 2.0, 9.0], "b": [3.0]})
    assert timing.medians({}, torch.device("cpu")) == {"a": 2.0, "b": 3.0}
