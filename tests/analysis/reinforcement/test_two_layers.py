"""Training runs of two-layer networks: their table, their figure, and that they are never mixed with one layer."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.reinforcement.comparisons import comparisons
from analysis.reinforcement.figures import fig1_curves, fig2_atari, gradient_cosine, memory_delay, other_curves
from analysis.reinforcement.settings import settings
from analysis.reinforcement.tables import two_layers, verdicts


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_table_has_the_numbers_of_the_runs(tree):
    for seed, (success, wall_s) in enumerate([(0.7, 50.0), (0.8, 75.0), (0.9, 60.0)]):
        folder = tree.two_layers("rtrl_layerwise_l2", seed, success, [0.9, 0.5 + 0.1 * seed])
        record = json.loads((folder / "run.json").read_text()) | {"wall_s": wall_s, "updates": 25}
        (folder / "run.json").write_text(json.dumps(record))
    found = two_layers.build(load(tree.root))
    row = found.numbers.iloc[0]
    assert (row["environment"], row["delay"], row["unroll"], row["n"]) == ("tmaze", 20, 5, 3)
    assert (row["iqm"], row["mean"], row["std"]) == pytest.approx((0.8, 0.8, 0.1))
    assert (row["low"], row["high"]) == pytest.approx((0.7, 0.9), abs=0.01)
    assert (row["cosine_mean"], row["cosine_std"], row["cosine_min"]) == pytest.approx((0.75, 0.05, 0.5))
    assert (row["cosine_lowest_mean"], row["norm_ratio_mean"]) == pytest.approx((0.375, 0.9))
    assert (row["steps_per_s_median"], row["ms_per_update_median"]) == (1001, 2400)
    assert (row["peak_bytes_max"], row["carried_bytes"]) == (700 * 2**20, 3 * 2**20)
    shown = found.text.iloc[0]
    assert shown["Method"] == "RTRL layer-wise, 2 layers"
    assert shown["Cosine to the exact gradient"] == "0.750 ± 0.050"
    assert shown[["ms per update", "Peak memory", "Carried"]].tolist() == ["2400", "700 MiB", "3 MiB"]


def test_table_has_a_row_for_each_method_in_order_and_none_of_one_layer(tree):
    for method in ("rtrl_l2", "columnar_l2", "tbptt_l2", "rtrl_segment_l2"):
        tree.two_layers(method, 0, 1.0)
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    frame = two_layers.build(load(tree.root)).numbers
    assert frame["method"].tolist() == [
        *("TBPTT, 2 layers", "Columnar, 2 layers", "RTRL in-segment, 2 layers", "RTRL, 2 layers")
    ]


def test_gradients_that_were_not_compared_are_a_dash(tree):
    tree.two_layers("columnar_l2", 0, 1.0)
    results = load(tree.root)
    shown = two_layers.build(results).text.iloc[0]
    assert shown[["Cosine to the exact gradient", "Least", "Lowest layer"]].tolist() == ["–"] * 3
    with pytest.raises(NothingToShow, match="no gradient of two layers"):
        gradient_cosine.draw(results)


def test_a_scale_without_two_layers_says_so(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    results = load(tree.root)
    with pytest.raises(NothingToShow, match="no memory task was run with two layers"):
        two_layers.build(results)
    with pytest.raises(NothingToShow, match="no gradient of two layers"):
        gradient_cosine.draw(results)


def test_records_from_before_gradients_were_compared_are_loaded(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    run = load(tree.root)["runs"].iloc[0]
    assert run["layers"] == 1
    assert np.isnan([run["carried_bytes"], run["gradient_cosine_mean"]]).all()


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        ({"points": 3}, "expected numbers points, cosine_mean"),
        (
            {**dict.fromkeys(("points", "cosine_mean", "cosine_min", "cosine_lowest_mean"), 1), "norm_ratio_mean": "x"},
            "expected numbers",
        ),
    ],
)
def test_a_malformed_summary_of_the_gradient_is_listed(tree, quality, reason):
    folder = tree.two_layers("rtrl_l2", 0, 1.0, [1.0])
    record = json.loads((folder / "run.json").read_text()) | {"gradient_quality": quality}
    (folder / "run.json").write_text(json.dumps(record))
    assert reason in load(tree.root)["problems"]["reason"].item()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "gradient.csv cannot be read"),
        ("env_steps,update,norm_ratio\n1,1,1\n", "gradient.csv: no column cosine"),
        ("env_steps,update,cosine,norm_ratio,cosine_lowest\n,1,1,1,1\n", "and numbers in env_steps"),
    ],
)
def test_a_run_whose_gradient_file_is_damaged_is_listed(tree, text, reason):
    path = tree.two_layers("rtrl_l2", 0, 1.0, [1.0]) / "gradient.csv"
    path.unlink() if text is None else path.write_text(text)
    assert reason in load(tree.root)["problems"]["reason"].item()


def test_cosine_figure_is_mean_and_range_over_seeds_in_tenths_of_training(tree):
    for seed, last in enumerate([[0.1, 0.3], [0.6, 0.6]]):
        tree.two_layers("tbptt_l2", seed, 0.5, [0.5] * 18 + last)
        tree.two_layers("rtrl_l2", seed, 1.0, [1.0] * 10)
    results = load(tree.root)
    figure, data, _ = gradient_cosine.draw(results)
    budget = results["runs"]["env_steps"].iloc[0]
    tbptt = data[data["method"] == "TBPTT, 2 layers"]
    assert tbptt["env_steps"].tolist() == [pytest.approx((k + 0.5) * budget / 10) for k in range(10)]
    end = tbptt.iloc[-1]
    assert (end["mean"], end["low"], end["high"], end["n"]) == pytest.approx((0.4, 0.2, 0.6, 2))
    assert " ".join(figure.axes[0].get_title().split()) == "T-maze, delay 20, 2 layers, M = 5"
    assert "n = 2 seeds" in figure.axes[0].texts[0].get_text()
    assert [0.5] * 9 + [0.4] in [pytest.approx(list(line.get_ydata())) for line in figure.axes[0].lines]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "TBPTT, 2 layers",
        "RTRL, 2 layers",
        "exact gradient",
    ]


def test_runs_that_differ_in_retention_have_panels_with_their_lines(tree):
    for retention in (20.0, 50.0):
        tree.two_layers("rtrl_l2", 0, 1.0, [1.0] * 10, retention=retention)
        tree.two_layers("tbptt_l2", 0, 1.0, [0.5] * 10, retention=retention)
    panels = gradient_cosine.draw(load(tree.root)).figure.axes
    assert len(panels) == 2
    for axes in panels:
        assert [pytest.approx([0.5] * 10), pytest.approx([1.0] * 10)] == [
            list(line.get_ydata()) for line in axes.lines
        ][:2]


def test_gradients_that_were_compared_fewer_than_ten_times_are_not_drawn(tree):
    tree.two_layers("tbptt_l2", 0, 0.5, [0.5] * 9)
    with pytest.raises(NothingToShow, match="10 times or more"):
        gradient_cosine.draw(load(tree.root))


def test_how_often_gradients_are_compared_is_no_setting(tree):
    tree.two_layers("rtrl_l2", 0, 1.0, [1.0], gradient_quality=20)
    tree.two_layers("columnar_l2", 0, 1.0, gradient_quality=0)
    assert load(tree.root)["runs"]["design"].nunique() == 1


def pair(tree, seeds, *methods):
    """Runs of methods named `rtrl` or `rtrl_l2` (success 1), and of others (success 0.5)."""
    for seed in range(seeds):
        for method in methods:
            success = 1.0 if method.startswith("rtrl") else 0.5
            run = tree.two_layers if method.endswith("_l2") else lambda *a: tree.memory("tmaze", 20, *a)
            run(method, seed, success)


def test_rtrl_of_two_layers_is_compared_with_tbptt_of_two_layers(tree):
    pair(tree, 5, "rtrl_l2", "tbptt_l2", "rtrl_layerwise_l2", "columnar_l2")
    frame = comparisons(load(tree.root))
    assert frame["scope"].tolist() == ["T-maze, delay 20, 2 layers"]
    assert frame.iloc[0][["layers", "n_rtrl", "n_tbptt", "verdict"]].tolist() == [2, 5, 5, "RTRL ahead, p < 0.05"]


def test_one_layer_is_never_compared_with_two(tree):
    pair(tree, 3, "rtrl_l2", "tbptt")
    assert comparisons(load(tree.root)).empty


def test_combined_rows_do_not_mix_numbers_of_layers(tree):
    for delay in (10, 20):
        options = {"environment_options": {"delay": delay}}
        for method, success in (("rtrl", 1.0), ("tbptt", 1.0), ("rtrl_l2", 1.0), ("tbptt_l2", 0.5)):
            for seed in range(3):
                tree.memory("tmaze", delay, method, seed, success, **options)
    frame = comparisons(load(tree.root)).set_index("scope")
    assert frame.loc["Memory tasks, delay ≥ M", ["layers", "tasks", "probability"]].tolist() == [1, 2, 0.5]
    assert frame.loc["Memory tasks, delay ≥ M, 2 layers", ["layers", "tasks", "probability"]].tolist() == [2, 2, 1.0]
    assert verdicts.build(load(tree.root)).text["Task"].tolist()[1] == "Memory tasks, delay ≥ M, 2 layers"


def test_delay_figure_has_a_panel_of_its_own_for_two_layers(tree):
    pair(tree, 1, "rtrl", "tbptt", "rtrl_l2", "tbptt_l2")
    figure, *_ = memory_delay.draw(load(tree.root))
    titles = [" ".join(axes.get_title().split()) for axes in figure.axes]
    assert titles == [f"T-maze{layers}, M = 5, initial retention 20" for layers in ("", ", 2 layers")]


def test_learning_curves_of_two_layers_are_in_a_panel_of_their_own(tree):
    for method in ("rtrl", "rtrl_l2"):
        tree.run("atari", "breakout", method, 0)
        tree.run("procgen", "chaser", method, 0)
    results = load(tree.root)
    for figure in (fig1_curves, fig2_atari):
        assert set(figure.draw(results).numbers["method"]) == {"RTRL"}
    figure, data, _ = other_curves.draw(results)
    titles = [" ".join(axes.get_title().split()) for axes in figure.axes]
    assert titles == ["Breakout, 2 layers, M = 50", "Chaser, 2 layers, M = 50"]
    assert set(data["method"]) == {"RTRL, 2 layers"}


def test_settings_tell_layers_apart(tree):
    pair(tree, 1, "rtrl", "rtrl_l2")
    frame = settings(load(tree.root))
    assert frame[["method", "layers"]].to_numpy().tolist() == [["RTRL", 1], ["RTRL, 2 layers", 2]]
