"""What the comparison of a method's gradient with the exact one says where the answer is known."""

from __future__ import annotations

import time

import pytest
import torch
from oracles.cells import ELEMENTWISE_KINDS
from small_runs import config

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs.gradient_quality import GradientQuality, drawn


def cosines(gradient, window=None, layers=2, segments=6, learning_rate=0.0, cell="elstm"):
    """Rows of a comparison at every segment of a random stream."""
    torch.manual_seed(0)
    options = {} if window is None else {"window": window}
    stack = RecurrentStack(3, 6, layers, cell, gradient, gradient_options=options, retention=20.0).double()
    quality = GradientQuality(stack, range(1, segments + 1))
    carry = stack.begin(4)
    for number in range(segments):
        x, starts = torch.randn(5, 4, 3).double(), torch.rand(5, 4) < 0.05
        v = torch.randn(5, 4, stack.output_size).double()

        def loss(h, state, v=v):
            return (v * torch.tanh(h)).sum()

        stack.zero_grad()
        h, carry = stack(x, starts, carry)
        loss(h, carry.state).backward()
        quality.compare(loss, 20 * number, number + 1)
        with torch.no_grad():
            for p in stack.parameters():
                p -= learning_rate * p.grad
    return quality.rows


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("gradient", "window"), [("rtrl", None), ("tbptt", "episode")])
def test_an_exact_gradient_has_cosine_and_ratio_one_while_parameters_stand(gradient, window, layers):
    for row in cosines(gradient, window, layers):
        assert row[2:] == pytest.approx([1, 1, 1], abs=1e-12)


@pytest.mark.parametrize("cell", ELEMENTWISE_KINDS)
def test_rtrl_of_every_cell_is_found_to_be_exact(cell):
    for row in cosines("rtrl", cell=cell, segments=3):
        assert row[2:] == pytest.approx([1, 1, 1], abs=1e-12)


@pytest.mark.parametrize("gradient", ["tbptt", "rtrl_segment", "rtrl_layerwise"])
def test_an_approximate_gradient_has_a_cosine_below_one(gradient):
    rows = cosines(gradient)
    assert all(row[2] < 1 - 1e-6 and row[4] < 1 - 1e-6 for row in rows[1:])
    assert all(row[2] > 0.1 for row in rows)


def test_carried_sensitivities_are_stale_once_parameters_move():
    (*_, moved), (*_, stood) = cosines("rtrl", learning_rate=0.05), cosines("rtrl")
    assert moved[2] < 1 - 1e-6 < stood[2]


def test_one_layers_sensitivities_are_the_staler_the_faster_parameters_move_and_full_bptts_gradient_never_is():
    stale = [1 - cosines("rtrl", layers=1, learning_rate=rate)[-1][2] for rate in (0, 0.01, 0.05)]
    assert stale[0] < 1e-12 < 1e-7 < stale[1] < stale[2]
    assert cosines("tbptt", "episode", layers=1, learning_rate=0.05)[-1][2] == pytest.approx(1, abs=1e-12)


def test_a_single_layer_of_layerwise_rtrl_is_exact():
    assert all(row[2] == pytest.approx(1, abs=1e-12) for row in cosines("rtrl_layerwise", layers=1))


def test_a_cell_without_recurrence_is_refused_before_it_trains(tmp_path):
    settings = config(cell="none", gradient="tbptt", gradient_quality=3)
    with pytest.raises(ConfigError, match="gradient_quality = 3: cell: none has no recurrence"):
        execute(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_comparisons_that_all_fail_leave_a_summary_that_says_so():
    quality = GradientQuality(RecurrentStack(3, 6), {1, 2, 3})
    assert quality.summary() == {
        "points": 0, "cosine_mean": None, "cosine_min": None, "cosine_lowest_mean": None, "norm_ratio_mean": None
    }  # fmt: skip


def test_what_is_remembered_goes_to_the_device_of_the_stack():
    stack = RecurrentStack(3, 6)
    quality = GradientQuality(stack, {1, 2, 3})
    h, _ = stack(torch.randn(5, 4, 3), torch.zeros(5, 4, dtype=torch.bool), stack.begin(4))
    h.sum().backward()
    quality.compare(lambda h, state: h.sum(), 0, 1)
    state = quality.state()
    there = GradientQuality(RecurrentStack(3, 6).to("meta"), {1, 2, 3})
    there.restore(state)
    assert {t.device.type for t in (there.carry.state, *there.carry.traces.values())} == {"meta"}


@pytest.mark.parametrize(("points", "updates", "comparisons"), [(50, 99, 50), (3, 9, 3), (20, 5, 5), (1, 7, 1)])
def test_one_comparison_falls_into_every_span_and_there_are_no_more_than_asked_for(points, updates, comparisons):
    due, span = sorted(drawn(points, updates, seed=0)), -(-updates // points)
    assert [(update - 1) // span for update in due] == list(range(comparisons))
    assert due[-1] <= updates


def test_comparisons_meet_every_segment_of_episodes_that_recur_at_their_distance():
    assert {update % 12 for update in drawn(100, 1200, seed=0)} == set(range(12))


def test_nothing_is_remembered_of_sequences_that_are_over():
    stack = RecurrentStack(3, 6)
    quality = GradientQuality(stack, {9})
    segment = torch.zeros(5, 4, 3), torch.arange(5)[:, None].expand(5, 4) == 0
    stack(*segment, stack.begin(4))
    quality.compare(lambda h, state: h.sum(), 5, 1)
    assert len(quality.carry.traces["x"]) == 5
    stack(*segment, stack.begin(4))
    assert len(quality.carry.traces["x"]) == 0


def test_the_time_of_comparisons_is_not_the_trainings(tmp_path, monkeypatch):
    monkeypatch.setattr(GradientQuality, "compare", lambda *arguments: time.sleep(1))
    record = execute(config(gradient_quality=1, env_steps=40), tmp_path)
    assert record["wall_s"] < 1
