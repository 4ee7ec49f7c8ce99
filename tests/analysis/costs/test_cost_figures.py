"""Figures of the cost study: what is drawn, where, and what they say of it."""

from __future__ import annotations

import cost_study
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis import style
from analysis.costs import panels
from analysis.costs.figures import cost_against_L, cost_against_N, largest_hidden, memory_against_T, time_against_M
from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.methods import Method


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def results(tree):
    """A scale with nothing but the synthetic study, with other rows for the files that a call names."""

    def make(**changes):
        cost_study.write(tree.root, **changes)
        return load(tree.root)

    return make


def facts(axes):
    """The small print under a panel's title, on one line."""
    return " ".join(axes.texts[0].get_text().replace("\N{NO-BREAK SPACE}", " ").split())


def data_lines(axes):
    """The lines of a panel that are no vertical line at a crossover: (x, y, marker)."""
    found = [(line.get_xdata(), line.get_ydata(), line.get_marker(), line) for line in axes.lines]
    return [(list(x), list(y), marker, line) for x, y, marker, line in found if len(set(x)) > 1]


def entries(figure):
    """The texts of a figure's legend."""
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]


def points(sweep, method):
    """The rows of one series."""
    frame = cost_study.points()
    return frame[(frame["sweep"] == sweep) & (frame["method"] == method)]


@pytest.mark.parametrize(
    "figure",
    [memory_against_T, cost_against_N, cost_against_L, time_against_M, largest_hidden],
    ids=lambda m: m.__name__,
)
def test_a_scale_without_a_study_has_nothing_to_draw(tree, figure):
    with pytest.raises(NothingToShow, match="no finished cost study in this scale"):
        figure.draw(load(tree.root))


def test_memory_panel_draws_predicted_counted_and_measured(results):
    figure, *_ = memory_against_T.draw(results())
    bptt = points("episode", "bptt")
    shown = [(y, line) for _, y, _, line in data_lines(figure.axes[0]) if not np.isnan(y).any()]
    lines = [y for y, line in shown if line.get_linestyle() != "None"]
    marks = [(y, line.get_markerfacecolor()) for y, line in shown if line.get_marker() in ("o", "D")]
    hollow, filled = ([y for y, face in marks if (face == "white") == is_hollow] for is_hollow in (True, False))
    for column, found in (
        ("predicted_peak_bytes", lines),
        ("counted_peak_bytes", hollow),
        ("measured_peak_bytes", filled),
    ):
        assert pytest.approx(bptt[column].tolist()) in found
        assert len(found) == 2  # full BPTT and RTRL


def test_hidden_size_has_panels_for_memory_operations_and_time(results):
    figure, data, _ = cost_against_N.draw(results())
    assert [axes.get_title() for axes in figure.axes] == ["Peak memory", "FLOPs per step", "Time per step"]
    assert entries(figure)[:4] == ["TBPTT", "RTRL", "tanh RNN dense RTRL", "RTRL, 2 layers"]
    assert set(data["method"]) == {"TBPTT", "RTRL", "tanh RNN dense RTRL", "RTRL, 2 layers"}
    assert len(data) == len(cost_study.points().query("axis == 'hidden'"))


def test_panels_say_sizes_device_and_repeats(results):
    figure, *_ = cost_against_N.draw(results())
    memory, flops, time = (facts(axes) for axes in figure.axes)
    assert memory == "L = 1–2, D = N, B = 32, M = 50 measured: jax/torch on cpu"
    assert "predicted and counted" in flops
    assert "measured: jax/torch on cpu, 7 repeats" in time
    assert entries(figure)[-3:] == ["predicted", "counted", "measured (Test processor)"]


def test_panels_say_which_implementation_ran_on_which_device(results):
    frame = cost_study.points()
    figure, *_ = cost_against_N.draw(
        results(costs=frame.assign(device=np.where(frame["implementation"] == "torch", "cuda", "cpu")))
    )
    assert "measured: jax on cpu, torch on cuda" in facts(figure.axes[0])


def test_a_panel_without_measurements_says_so(results):
    frame = cost_study.points().assign(measured_step_s=None, measured_step_s_low=None, measured_step_s_high=None)
    figure, *_ = cost_against_N.draw(results(costs=frame))
    assert facts(figure.axes[2]).endswith("not measured")


def test_what_was_not_counted_is_not_in_the_legend(results):
    frame = cost_study.points().assign(counted_flops_per_step=None, counted_peak_bytes=None)
    figure, *_ = cost_against_N.draw(results(costs=frame))
    assert facts(figure.axes[1]).endswith("predicted, not counted")
    assert entries(figure)[-2:] == ["predicted", "measured (Test processor)"]


def test_time_has_its_quartiles_as_error_bars(results):
    figure, *_ = time_against_M.draw(results())
    first = figure.axes[1].containers[0]
    low, high = zip(*(segment[:, 1] for segment in first.lines[2][0].get_segments()))
    series = points("unroll", "tbptt")
    assert low == pytest.approx(series["measured_step_s_low"])
    assert high == pytest.approx(series["measured_step_s_high"])


def test_sizes_that_differ_get_rows_of_panels_of_their_own(results):
    frame = cost_study.points()
    other = frame[frame["sweep"] == "unroll"].assign(sweep="unroll_large", hidden=512, inputs=257)
    figure, *_ = time_against_M.draw(results(costs=pd.concat([frame, other])))
    assert [axes.get_title() for axes in figure.axes] == ["FLOPs per step", "Time per step"] * 2
    assert facts(figure.axes[0]).startswith("L = 1, N = 256, D = N, B = 32")
    assert facts(figure.axes[2]).startswith("L = 1, N = 512, D = 257, B = 32")


def test_sweeps_of_n_with_d_fixed_and_with_another_t_of_full_bptt_get_rows_of_their_own(results):
    frame = cost_study.points()
    hidden = frame[frame["sweep"] == "hidden"]
    fixed = hidden.assign(sweep="fixed", inputs=64)
    short, long = (
        hidden[hidden["method"] == "rtrl"].assign(sweep=f"T{length}", method="bptt", episode=length)
        for length in (100, 5000)
    )
    figure, *_ = cost_against_N.draw(results(costs=pd.concat([frame, fixed, short, long])))
    assert [facts(axes).split(" measured")[0].split(" predicted")[0] for axes in figure.axes[::3]] == [
        "L = 1, D = 64, B = 32, M = 50",
        "L = 1–2, D = N, B = 32, M = 50, T = 100",
        "L = 1, D = N, B = 32, M = 50, T = 5000",
    ]


def crossing(kind, value, basis, **sizes):
    """A row of crossovers.csv."""
    same = {"cell": "elstm", "layers": 1, "hidden": 256, "inputs": 256, "batch": 32, **sizes}
    return {"kind": kind, **same, "value": value, "basis": basis, "text": ""}


def verticals(axes):
    """Where the vertical lines of a panel stand."""
    return [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]


def test_crossovers_are_marked_in_the_panel_that_they_are_about(results):
    rows = [
        crossing("unroll", 25, "predicted"),
        crossing("unroll", 40, "measured"),
        crossing("episode", 51, "predicted"),
    ]
    figure, *_ = time_against_M.draw(results(crossovers=pd.DataFrame(rows)))
    assert [verticals(axes) for axes in figure.axes] == [[25], [40]]
    assert "dashed: RTRL within 1.1 × TBPTT from M = 25 (predicted)" in facts(figure.axes[0])
    assert "dotted: RTRL within 1.1 × TBPTT from M = 40 (measured)" in facts(figure.axes[1])


def test_crossovers_of_other_networks_are_not_drawn(results):
    rows = [crossing("episode", 51, "predicted"), crossing("episode", 700, "predicted", hidden=512)]
    figure, *_ = memory_against_T.draw(results(crossovers=pd.DataFrame(rows)))
    assert verticals(figure.axes[0]) == [51]
    assert "dashed: RTRL needs less from T = 51 (predicted)" in facts(figure.axes[0])


def test_a_crossover_outside_of_the_sweep_is_told_but_not_drawn(results):
    rows = [crossing("unroll", 4000, "predicted"), crossing("unroll", None, "measured")]
    figure, *_ = time_against_M.draw(results(crossovers=pd.DataFrame(rows)))
    assert [verticals(axes) for axes in figure.axes] == [[], []]
    assert facts(figure.axes[0]).endswith("counted RTRL within 1.1 × TBPTT from M = 4000 (predicted)")
    assert facts(figure.axes[1]).endswith("no crossover (measured)")


def test_largest_hidden_has_a_panel_for_each_number_of_layers(results):
    figure, data, _ = largest_hidden.draw(results())
    assert [axes.get_title() for axes in figure.axes] == ["1 layer", "2 layers", "3 layers"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    limits = cost_study.limits()
    two = limits[(limits["layers"] == 2) & (limits["method"] == "rtrl")]["largest_hidden"].tolist()
    assert two in [list(line.get_ydata()) for line in figure.axes[1].lines]
    assert facts(figure.axes[1]) == "predicted, B = 32, D = N"
    assert len(data) == len(limits)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.5), (3e5, 2e6), (1e3, 1e12), (1e-5, 2.0)])
@pytest.mark.parametrize("base", [2, 10])
def test_the_y_axis_has_between_two_and_seven_ticks(low, high, base):
    axes = plt.figure().add_subplot()
    axes.set(yscale="log", ylim=(low, high))
    panels.power_ticks(axes, str, base)
    inside = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert 2 <= len(inside) <= 7


def test_a_long_legend_is_no_wider_than_its_figure():
    methods = [Method("rtrl_dense_segment", cell) for cell in ("rnn", "gru", "lstm", "elstm", "other")]
    figure = plt.figure(figsize=(4.7, 4))
    style.finish(figure, methods)
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().width <= figure.bbox.width
