"""`python -m rtrl_bench cost`: the predictions as a table, and what is refused."""

from __future__ import annotations

import re

import pytest

from rtrl_bench.cli import main
from rtrl_bench.costs import describe as cost
from rtrl_bench.costs.crossovers import episode_crossover, first_integer, largest_hidden, unroll_crossover
from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes

WORDS = "cost --cell elstm --layers 2 --hidden 32 --input 33 --batch 4 --unroll 50 --episode 700".split()
SIZES = Sizes("elstm", 2, 32, 33, 4, 50, 700)


def test_every_method_has_its_exact_bytes_and_operations(capsys):
    assert main(WORDS) == 0
    out = capsys.readouterr().out
    refused = {"eprop", "rflo", "kf_rtrl", "rtrl_dense"}  # by the eLSTM, and by two layers
    assert set(re.findall(r"^(\w+): left out: ", out, re.M)) == refused
    for method in set(METHODS) - refused:
        predicted = predict(method, SIZES)
        row = re.findall(rf"^{method} .*$", out, re.M)[0].split()
        assert (row[3], row[6]) == (f"{predicted.state_bytes:,}", f"{predicted.peak_bytes:,}")
        assert row[7:9] == [f"{predicted.flops_per_step:.3g}", f"{predicted.flops_per_segment:.3g}"]


def test_one_method_is_shown_beside_full_bptt(capsys):
    assert main([*WORDS, "--gradient", "rtrl"]) == 0
    out = capsys.readouterr().out
    assert not re.search(r"^(tbptt|rtrl_dense)", out, re.M)
    share = predict("rtrl", SIZES).peak_bytes / predict("bptt", SIZES).peak_bytes
    assert re.search(rf"^rtrl .* {share:.3g} .*T = {episode_crossover('rtrl', SIZES):,}$", out, re.M)


def test_a_method_that_the_cell_has_not_is_left_out_with_the_reason(capsys):
    assert main("cost --cell lstm --hidden 8 --input 8".split()) == 0
    out = capsys.readouterr().out
    assert "rtrl: left out: method 'rtrl': exact RTRL at this cost needs an element-wise cell, not lstm" in out
    assert re.search(r"^rtrl_dense ", out, re.M)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--hidden 8 --input 3 --cell elsmt", "unknown cell 'elsmt': expected one of"),
        ("--hidden 8 --input 3 --gradient rtlr", "unknown method 'rtlr': expected one of"),
        ("--hidden 8 --input 3 --cell gru --gradient rtrl", "not gru; use rtrl_dense"),
    ],
)
def test_a_mistake_is_one_message_and_code_2(words, message, capsys):
    assert main(["cost", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_networks_of_any_size_are_predicted_without_making_them(capsys):
    assert main("cost --layers 3 --hidden 100000 --input 100000".split()) == 0
    assert " PB " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_600, "1 MB"), (12_345_678, "12.3 MB")]
)
def test_bytes_have_three_digits(count, text):
    assert cost.human(count) == text


@pytest.mark.parametrize("method", ["tbptt", "rtrl", "rtrl_layerwise"])
def test_the_largest_network_fits_and_the_next_does_not(method):
    largest = largest_hidden(method, SIZES, 50e6)

    def needed(hidden):
        predicted = predict(method, Sizes("elstm", 2, hidden, 33, 4, 50, 700))
        return predicted.peak_bytes + predicted.parameter_bytes

    assert needed(largest) <= 50e6 < needed(largest + 1)
    assert largest_hidden(method, SIZES, 1.0) == 0


def test_the_episode_crossover_is_where_the_peaks_meet():
    episode = episode_crossover("rtrl", SIZES)
    bptt = [predict("bptt", Sizes("elstm", 2, 32, 33, 4, 50, t)).peak_bytes for t in (episode - 1, episode)]
    assert bptt[0] <= predict("rtrl", SIZES).peak_bytes < bptt[1]


def test_few_inputs_make_segment_wise_rtrl_nearly_as_cheap_as_tbptt():
    sizes = Sizes("elstm", 1, 64, 8, 4, 50, 700)  # the gate's N² outweighs the sensitivities' N D
    unroll = unroll_crossover(sizes)
    ratios = [
        predict("rtrl", Sizes("elstm", 1, 64, 8, 4, m, 700)).flops_per_step
        / predict("tbptt", Sizes("elstm", 1, 64, 8, 4, m, 700)).flops_per_step
        for m in (unroll - 1, unroll)
    ]
    assert ratios[1] < 1.1 <= ratios[0]
    assert unroll_crossover(SIZES) is None


@pytest.mark.parametrize("first", [1, 2, 17, 1000])
def test_the_first_integer_is_found(first):
    assert first_integer(lambda n: n >= first, highest=1000) == first


def test_there_may_be_no_such_integer():
    assert first_integer(lambda n: n > 1000, highest=1000) is None
