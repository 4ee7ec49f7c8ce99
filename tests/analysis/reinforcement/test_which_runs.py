"""Which runs a comparison takes, and the verdict of each row, on a table of runs made by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.reinforcement import evidence
from analysis.reinforcement.comparisons import comparisons, pairs

RUN = {
    **{"suite": "memory", "environment": "tmaze", "options": '{"delay": 20}', "other_options": "{}", "delay": 20},
    **{"memory_task": True, "layers": 1, "unroll": 5, "retention": 20.0, "backend": "rtrl_bench 0.1.0", "design": "1"},
    **{"gradient_options": "{}", "env_steps": 1000, "pretrained": "", "vision": "flat", "budget_fraction": math.nan},
}
CURVES = pd.DataFrame({"folder": ["a"], "env_frames": [1], "episodes": [1], "episode_return_mean": [1.0]})


def runs(rtrl, tbptt, **changes):
    """A run for each score of either method; `pairing` is what is equal in all of them."""
    row = {**RUN, **changes}
    row["pairing"] = str({key: value for key, value in row.items() if key != "gradient_options"})
    scores = [*(("rtrl", score) for score in rtrl), *(("tbptt", score) for score in tbptt)]
    return [{**row, "gradient": gradient, "score": score, "folder": f"{gradient}{score}"} for gradient, score in scores]


def results(*groups):
    return {"runs": pd.DataFrame([row for group in groups for row in group]), "curves": CURVES}


def delays(comparison):
    """Delay, M and retention of each setting of a comparison."""
    return {(one.run["delay"], one.run["unroll"], one.run["retention"]) for one in comparison.settings}


@pytest.mark.parametrize(
    ("rtrl", "tbptt", "verdict"),
    [
        ([5.0, 6, 7, 8, 9], [0.0, 1, 2, 3, 4], "RTRL better"),
        ([0.0, 1, 2, 3, 4], [5.0, 6, 7, 8, 9], "TBPTT better"),
        ([5.0, 6, 7], [0.0, 1, 2], "RTRL ahead, too few seeds to decide"),
        ([0.0, 1, 2], [5.0, 6, 7], "TBPTT ahead, too few seeds to decide"),
        ([0.0, 5, 6, 7], [1.0, 2, 3, 4.5], "no difference seen"),
        ([5.2, 5.6, 6, 7], [1.0, 2, 3, 5.5], "RTRL ahead, not significant"),  # 4 of 70 deals are as extreme
        ([5.0, 6], [0.0, 1], "fewer than 3 seeds a side, no verdict"),
    ],
)
def test_the_verdict_of_a_row(rtrl, tbptt, verdict):
    assert comparisons(results(runs(rtrl, tbptt)))["verdict"].tolist() == [verdict]


def test_scores_are_those_of_the_left_and_of_the_right_method_in_this_order():
    ((run, scores),) = pairs(results(runs([1.0, 2.0], [3.0])), "tbptt", "rtrl")
    assert (run["delay"], scores) == (20, ([3.0], [1.0, 2.0]))


def test_longer_windows_of_tbptt_are_not_compared():
    assert pairs(results(runs([1.0], []), runs([], [1.0], gradient_options='{"window": 20}'))) == []


def test_memory_takes_a_delay_as_long_as_the_segment_for_one_that_a_segment_cannot_hold():
    made = results(*(runs([1.0] * 3, [0.5] * 3, delay=delay, options=f'{{"delay": {delay}}}') for delay in (4, 5, 6)))
    assert delays(evidence.memory(made, "better than", long=True, retained=True)) == {(5, 5, 20.0), (6, 5, 20.0)}
    assert delays(evidence.memory(made, "equal to", long=False, retained=True)) == {(4, 5, 20.0)}


def test_memory_takes_the_retention_with_most_delays_or_the_papers_initialisation():
    made = results(
        *(runs([1.0], [0.5], delay=delay, options=f'{{"delay": {delay}}}') for delay in (10, 20)),
        runs([1.0], [0.5], retention=80.0),
        runs([1.0], [0.5], retention=math.nan),
        runs([1.0], [0.5], layers=2),
    )
    retained = evidence.memory(made, "better than", long=True, retained=True)
    assert delays(retained) == {(10, 5, 20.0), (20, 5, 20.0)} and len(retained.settings) == 2
    (one,) = evidence.memory(made, "better than", long=True, retained=False).settings
    assert math.isnan(one.run["retention"])


def test_memory_of_one_segment_length_takes_no_other():
    made = results(runs([1.0], [0.5]), runs([1.0], [0.5], unroll=2))
    assert delays(evidence.memory(made, "better than", long=True, retained=True, unroll=2)) == {(20, 2, 20.0)}
    assert len(evidence.memory(made, "better than", long=True, retained=True).settings) == 2


@pytest.mark.parametrize(("longest", "chosen"), [(2, 2000), (3, 4000)])
def test_of_several_budgets_that_with_enough_seeds_counts_and_of_those_the_largest(longest, chosen):
    game = {"environment": "chaser", "options": "{}", "memory_task": False, "delay": 0}
    made = results(
        runs([1.0] * 5, [0.5] * 5, **game, env_steps=1000),
        runs([1.0] * 3, [0.5] * 3, **game, env_steps=2000),
        runs([1.0] * 5, [0.5] * longest, **game, env_steps=4000),
        runs([1.0] * 5, [0.5] * 5, **{**game, "layers": 2}, env_steps=8000),
        runs([1.0] * 5, [0.5] * 5, **{**game, "unroll": 50}, env_steps=8000),
    )
    (setting,) = evidence.at(made, "chaser", 5, "better than").settings
    assert setting.run["env_steps"] == chosen
