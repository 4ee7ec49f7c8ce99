"""How methods, sizes and times are written."""

from __future__ import annotations

import itertools
import json
import math

import pandas as pd
import pytest

from analysis import labels
from analysis.methods import _GRADIENTS, CELLS, Method, methods, named


def method(gradient, cell="elstm", layers=1, **options):
    return Method(gradient, cell, json.dumps(options), layers)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (method("feedforward", "none"), "Feedforward"),
        (method("rtrl", layers=2), "RTRL, 2 layers"),
        (method("rtrl_layerwise", layers=2), "RTRL layer-wise, 2 layers"),
        (method("bptt"), "full BPTT"),
        (method("tbptt", window=20, layers=2), "TBPTT (window 20), 2 layers"),
        (method("tbptt", "lstm", layers=3), "LSTM TBPTT, 3 layers"),
        (method("rtrl_dense", "rnn"), "tanh RNN dense RTRL"),
        (method("snap", n=2), "SnAp (n 2)"),
        (method("other"), "other"),
        (method("rtrl", "other"), "other RTRL"),
    ],
)
def test_names_of_methods(one, text):
    assert one.label == text


def test_methods_of_two_layers_come_after_those_of_one_and_in_the_same_order():
    first = [
        *(method("feedforward", "none"), method("tbptt"), method("tbptt", window=10), method("tbptt", window=20)),
        *(method("bptt"), method("columnar"), method("rtrl_segment"), method("rtrl_layerwise"), method("rtrl")),
    ]
    second = [one._replace(layers=2) for one in first]
    everything = [*first, method("tbptt", "lstm"), *second]
    assert sorted([*second, *first, method("tbptt", "lstm")], key=lambda one: one.order) == everything


def test_a_frame_sorts_and_groups_by_method_in_that_order():
    frame = named(pd.DataFrame([method("rtrl"), method("tbptt", window=20), method("tbptt")]))
    assert frame.sort_values("method")["method"].tolist() == ["TBPTT", "TBPTT (window 20)", "RTRL"]
    assert list(methods(frame)) == ["TBPTT", "TBPTT (window 20)", "RTRL"]


EVERY = [
    *(method("snap", n=n) for n in (1, 2, 4)),
    *(method(gradient, layers=layers) for gradient in _GRADIENTS for layers in (1, 2)),
    *(method("tbptt", window=window) for window in (10, 20, 40, 80)),
    *(method(gradient, cell) for gradient in ("rtrl", "rtrl_dense") for cell in CELLS if cell != "elstm"),
    *(method("mine", share=share) for share in (0.5, 0.7, 0.9, 0.95, 0.99)),
]


def test_no_two_methods_look_alike():
    look = lambda one: (one.colour, one.marker, one.dashes)
    assert [pair for pair in itertools.combinations(EVERY, 2) if look(pair[0]) == look(pair[1])] == []


def test_a_further_cell_looks_like_none_that_is_listed(monkeypatch):
    for further in range(20):
        monkeypatch.setitem(CELLS, f"further{further}", f"further {further}")
    looks = {(one.marker, one.dashes) for one in (method("rtrl", cell) for cell in CELLS)}
    assert len(looks) == len(CELLS)


def test_windows_differ_in_colour_mark_and_dashes_each():
    windows = [method("tbptt"), method("tbptt", window=10), method("tbptt", window=20)]
    assert [len({getattr(one, look) for one in windows}) for look in ("colour", "marker", "dashes")] == [3, 3, 3]


def test_a_gradient_method_has_its_colour_with_every_cell():
    assert {method("rtrl", cell).colour for cell in ("elstm", "lstm", "other")} == {method("rtrl").colour}


def test_methods_that_are_not_listed_look_the_same_in_every_process():
    assert (method("mine").colour, method("rtrl", "mine").marker) == ("#2f7f4f", "D")


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


def test_what_rounds_to_zero_has_no_sign():
    assert [labels.number(-0.001), labels.number(-0.4, 0), labels.number(-0.006)] == ["0.00", "0", "-0.01"]
