"""Training runs of two-layer networks: their table, their figure, and that they are never mixed with one layer."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis import cost_tables, curve_figures, gradient_figures, memory_figures, study_tables, summary
from analysis.comparisons import comparisons
from analysis.load import load


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_table_has_the_numbers_of_the_runs(tree):
    for seed, (success, wall_s) in enumerate([(0.7, 50.0), (0.8, 75.0), (0.9, 60.0)]):
        folder = tree.two_layers("rtrl_layerwise_l2", seed, success, [0.9, 0.5 + 0.1 * seed])
        record = json.loads((folder / "run.json").read_text()) | {"wall_s": wall_s, "updates": 25}
        (folder / "run.json").write_text(json.dumps(record))
    found = cost_tables.two_layers(load(tree.root))
    row = found.frame.iloc[0]
    assert (row["environment"], row["delay"], row["unroll"], row["n"]) == ("tmaze", 20, 5, 3)
    assert (row["iqm"], row["mean"], row["std"]) == pytest.approx((0.8, 0.8, 0.1))
    assert (row["low"], row["high"]) == pytest.approx((0.7, 0.9), abs=0.01)
    assert (row["cosine_mean"], row["cosine_std"], row["cosine_min"]) == pytest.approx((0.75, 0.05, 0.5))
    assert (row["cosine_lowest_mean"], row["norm_ratio_mean"]) == pytest.approx((0.375, 0.9))
    assert (row["steps_per_s_median"], row["ms_per_update_median"]) == (1001, 2400)
    assert (row["peak_bytes_max"], row["carried_bytes"]) == (700 * 2**20, 3 * 2**20)
    shown = found.display.iloc[0]
    assert shown["Method"] == "RTRL layer-wise, 2 layers"
    assert shown["Cosine to the exact gradient"] == "0.750 ± 0.050"
    assert shown[["ms per update", "Peak memory", "Carried"]].tolist() == ["2400", "700 MiB", "3 MiB"]


def test_table_has_a_row_for_each_method_in_order_and_none_of_one_layer(tree):
    for method in ("rtrl_l2", "columnar_l2", "tbptt_l2", "rtrl_segment_l2"):
        tree.two_layers(method, 0, 1.0)
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    frame = cost_tables.two_layers(load(tree.root)).frame
    assert frame["method"].tolist() == ["tbptt_l2", "columnar_l2", "rtrl_segment_l2", "rtrl_l2"]


def test_gradients_that_were_not_compared_are_a_dash(tree):
    tree.two_layers("columnar_l2", 0, 1.0)
    results = load(tree.root)
    shown = cost_tables.two_layers(results).display.iloc[0]
    assert shown[["Cosine to the exact gradient", "Least", "Lowest layer"]].tolist() == ["–"] * 3
    assert gradient_figures.cosine(results)[0] is None


def test_a_scale_without_two_layers_says_so(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    results = load(tree.root)
    assert "no memory task was run with two layers" in cost_tables.two_layers(results).frame["note"].item()
    assert gradient_figures.cosine(results)[0] is None


def test_records_from_before_gradients_were_compared_are_loaded(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    run = load(tree.root).runs.iloc[0]
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
    assert reason in load(tree.root).problems["reason"].item()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "gradient.csv cannot be read"),
        ("env_steps,update,cosine,norm_ratio\n1,1,1,1\n", "gradient.csv: no column cosine_lowest"),
        ("env_steps,update,cosine,norm_ratio,cosine_lowest\n,1,1,1,1\n", "expected numbers in env_steps"),
    ],
)
def test_a_run_whose_gradient_file_is_damaged_is_listed(tree, text, reason):
    path = tree.two_layers("rtrl_l2", 0, 1.0, [1.0]) / "gradient.csv"
    path.unlink() if text is None else path.write_text(text)
    assert reason in load(tree.root).problems["reason"].item()


def test_cosine_figure_is_mean_and_band_over_seeds(tree):
    for seed, last in enumerate([0.2, 0.6]):
        tree.two_layers("tbptt_l2", seed, 0.5, [0.5, last])
        tree.two_layers("rtrl_l2", seed, 1.0, [1.0, 1.0])
    figure, data = gradient_figures.cosine(load(tree.root))
    end = data[(data["method"] == "tbptt_l2") & (data["env_steps"] == 8000)].iloc[0]
    assert (end["mean"], end["std"], end["n"]) == pytest.approx((0.4, np.std([0.2, 0.6], ddof=1), 2))
    assert figure.axes[0].get_title() == "T-maze, delay 20, 2 layers, M = 5"
    assert "n = 2 seeds" in figure.axes[0].texts[0].get_text()
    assert [0.5, 0.4] in [pytest.approx(list(line.get_ydata())) for line in figure.axes[0].lines]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "TBPTT, 2 layers",
        "RTRL, 2 layers",
        "exact gradient",
    ]


def test_how_often_gradients_are_compared_is_no_setting(tree):
    tree.two_layers("rtrl_l2", 0, 1.0, [1.0], gradient_quality=20)
    tree.two_layers("columnar_l2", 0, 1.0, gradient_quality=0)
    assert load(tree.root).runs["design"].nunique() == 1


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
    assert frame.iloc[0][["layers", "n_rtrl", "n_tbptt", "verdict"]].tolist() == [2, 5, 5, "RTRL better"]


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
    assert study_tables.verdicts(load(tree.root)).display["Task"].tolist()[1] == "Memory tasks, delay ≥ M, 2 layers"


def test_delay_figure_has_a_panel_of_its_own_for_two_layers(tree):
    pair(tree, 1, "rtrl", "tbptt", "rtrl_l2", "tbptt_l2")
    figure, _ = memory_figures.against_delay(load(tree.root))
    titles = [" ".join(axes.get_title().split()) for axes in figure.axes]
    assert titles == [f"T-maze{layers}, M = 5, initial retention 20" for layers in ("", ", 2 layers")]


def test_learning_curves_of_two_layers_are_in_a_panel_of_their_own(tree):
    for method in ("rtrl", "rtrl_l2"):
        tree.run("atari", "breakout", method, 0)
        tree.run("procgen", "chaser", method, 0)
    results = load(tree.root)
    for draw, name in ((curve_figures.figure1, "Chaser"), (curve_figures.figure2, "Breakout")):
        titles = [axes.get_title() for axes in draw(results)[0].axes]
        assert {f"{name}, M = 50", f"{name}, 2 layers, M = 50"} <= {" ".join(title.split()) for title in titles}


def test_settings_tell_layers_apart(tree):
    pair(tree, 1, "rtrl", "rtrl_l2")
    frame = summary.settings(load(tree.root))
    assert frame[["method", "layers"]].to_numpy().tolist() == [["rtrl", 1], ["rtrl_l2", 2]]
