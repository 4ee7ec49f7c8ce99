"""Benchmarks in a results folder: their rows, tables and figure."""

from __future__ import annotations

import json

import pytest

from analysis.bench.figures import learned_curve, segment_time
from analysis.bench.tables import peak_memory, segment_times, training_speed
from analysis.kinds import NothingToShow
from analysis.load import load

SIZES = {"batch": 32, "inputs": 257, "hidden": 512, "unroll": 50}
SEGMENT = {**SIZES, "loss": "every step", "fused": True, "rtrl_s": 0.0012, "tbptt_s": 0.001, "floor_s": 0.0006}
GRAPH = {**SIZES, "graph": True, "rtrl_s": 0.0009, "tbptt_s": 0.0008, "floor_s": 0.0006}
LOOP = {"in_turn_steps_per_s": 9000.0, "beside_steps_per_s": 12000.0, "stem_steps_per_s": 15000.0}
CURVE = {
    "settings": {"environment": "rooms_watermaze", "gradient": "rtrl", "unroll": 10},
    "columns": ["env_frames", "wall_s", "episodes", "episode_return_mean"],
    "curve": [[400 * k, 1.0 * k, k % 2, 0.5 * k if k % 2 else None] for k in range(1, 41)],
}
MEMORY = {**SIZES, "layers": 1, "peak_bytes": 2_000_000, "predicted_bytes": 1_600_000}
RECORD = {
    **{"schema": 1, "kind": "bench", "status": "complete", "device": "cuda", "device_name": "Test GPU", "threads": 4},
    "config": {"device": "cuda", "small": False},
    "versions": {"torch": "2.11"},
    "sections": {
        "gradients": {"rows": [{"name": "a", **SEGMENT, "lstm_s": 0.003}]},
        "graphs": {"rows": [{"name": "b", **GRAPH}]},
        "memory": {"rows": [{"name": "L=1", **MEMORY}, {"name": "largest N, L=1", "hidden": 91456}]},
        "loop": {"rows": [{"name": "paper: Atari", **LOOP}]},
        "learning": {"rows": [{"name": "rtrl", **CURVE}, {"name": "greedy play", "last_return": 3.0}]},
    },
}


@pytest.fixture
def bench(tmp_path):
    """bench(**changes): a results folder with one benchmark."""

    def write(**changes):
        folder = tmp_path / "results/runs/bench/gpu"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({**RECORD, **changes}))
        return load(tmp_path / "results")

    return write


def test_a_benchmark_is_on_the_page_by_its_device(bench):
    results = bench()
    assert results["problems"].empty
    assert results["index"][["suite", "task"]].values.tolist() == [["Benchmark", "Test GPU"]]


def test_segments_are_told_with_their_ratios(bench):
    text = segment_times.build(bench()).text
    assert text[["Launched", "RTRL (ms)", "RTRL/TBPTT", "RTRL/LSTM", "RTRL/floor"]].values.tolist() == [
        ["call by call", "1.20", "1.20", "0.40", "2.00"],
        ["one graph", "0.90", "1.12", "–", "1.50"],
    ]


def test_training_is_told_beside_the_stem_alone(bench):
    text = training_speed.build(bench()).text
    assert text[["Setting", "RTRL beside", "Best/stem"]].values.tolist() == [["paper: Atari", "12 k", "80 %"]]


def test_memory_is_told_beside_its_prediction(bench):
    text = peak_memory.build(bench()).text
    assert text[["N", "Peak/predicted"]].values.tolist() == [["512", "1.25"], ["91456", "–"]]


def test_the_figure_draws_what_was_timed_and_nothing_else(bench):
    numbers = segment_time.draw(bench()).numbers
    assert set(numbers["what"]) == {"RTRL", "TBPTT", "RTRL, one graph", "torch's LSTM", "floor"}


def test_a_curve_is_drawn_where_episodes_ended(bench):
    numbers = learned_curve.draw(bench()).numbers
    assert numbers["return"].tolist()[:4] == [0.5, 0.5, 1.5, 1.5]  # the mean of two log intervals
    assert set(numbers["method"]) == {"RTRL"}


def test_a_curve_of_few_points_is_not_drawn(bench):
    few = {"learning": {"rows": [{"name": "rtrl", **CURVE, "curve": CURVE["curve"][:9]}]}}
    with pytest.raises(NothingToShow, match="fewer than 10"):
        learned_curve.draw(bench(sections=few))


def test_a_benchmark_of_small_sizes_is_no_result(bench):
    results = bench(config={"device": "cuda", "small": True})
    assert results["bench_segments"].empty
    assert "--small" in results["problems"]["reason"].iloc[0]
    with pytest.raises(NothingToShow):
        segment_times.build(results)


def test_a_benchmark_belongs_to_a_scale_that_lists_no_such_run(bench, tmp_path):
    bench()
    (tmp_path / "results/scale.json").write_text('{"studies": {}, "lent": []}')
    assert load(tmp_path / "results")["problems"].empty
