"""How methods, sizes and times are written."""

from __future__ import annotations

import math

import pytest

from analysis import labels


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rtrl_l2", "RTRL, 2 layers"),
        ("rtrl_layerwise_l2", "RTRL layer-wise, 2 layers"),
        ("rtrl_segment_l2", "RTRL in-segment, 2 layers"),
        ("columnar_l2", "Columnar, 2 layers"),
        ("bptt_l2", "full BPTT, 2 layers"),
        ("tbptt_w20_l2", "TBPTT (window 20), 2 layers"),
        ("lstm_tbptt_l3", "LSTM TBPTT, 3 layers"),
        ("rnn_rtrl_dense", "tanh RNN dense RTRL"),
        ("rtrl_dense_segment", "dense RTRL, segment-wise"),
        ("rtrl_stepwise", "RTRL step by step"),
        ("tbptt_w20", "TBPTT (window 20)"),
        ("other", "other"),
        ("other_rtrl", "other RTRL"),
    ],
)
def test_names_of_methods(name, text):
    assert labels.method(name) == text


def test_methods_of_two_layers_come_after_those_of_one_and_in_the_same_order():
    stems = [
        "feedforward",
        "tbptt",
        "tbptt_w10",
        "tbptt_w20",
        "bptt",
        "columnar",
        "rtrl_segment",
        "rtrl_layerwise",
        "rtrl",
    ]
    names = [*stems, "lstm_tbptt", *(f"{stem}_l2" for stem in stems[1:])]
    assert sorted(sorted(names), key=labels.method_order) == names


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1.5 * 2**20, "1.5 MiB"),
        (123.4 * 2**30, "123 GiB"),
        (math.nan, "–"),
    ],
)
def test_memory_is_written_in_the_unit_that_fits(value, text):
    assert labels.memory(value) == text


@pytest.mark.parametrize(("value", "text"), [(2.5e-5, "25 µs"), (0.00314, "3.14 ms"), (1.2, "1.2 s"), (math.nan, "–")])
def test_time_of_a_step_is_written_in_the_unit_that_fits(value, text):
    assert labels.step_time(value) == text
