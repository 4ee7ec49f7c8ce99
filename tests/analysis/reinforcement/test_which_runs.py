"""Which runs a comparison takes, and the verdict of each row, on a table of runs made by hand."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from analysis.load import load
from analysis.reinforcement import evidence
from analysis.reinforcement.comparisons import comparisons, pairs
from analysis.reinforcement.tables import verdicts

RUN = {
    **{"suite": "memory", "environment": "tmaze", "options": '{"delay": 20}', "other_options": "{}", "delay": 20},
    **{"memory_task": True, "layers": 1, "unroll": 5, "retention": 20.0, "backend": "rtrl_bench 0.1.0"},
    **{"cell": "elstm", "learning_rate": 1e-3, "random_mean": math.nan},
    **{"gradient_options": "{}", "env_steps": 1000, "pretrained": "", "vision": "flat", "budget_fraction": math.nan},
}
CURVES = pd.DataFrame({"folder": ["a"], "env_frames": [1], "episodes": [1], "episode_return_mean": [1.0]})


GAME = {"environment": "chaser", "options": "{}", "suite": "procgen", "memory_task": False, "delay": 0}


def runs(rtrl, tbptt, **changes):
    """A run for each score of either method; `pairing` and `design` are what is equal in all of them."""
    row = {**RUN, **changes}
    row["config"] = json.dumps({"optimiser": {"learning_rate": row["learning_rate"]}})
    row["pairing"] = str({key: value for key, value in row.items() if key != "gradient_options"})
    apart = ("gradient_options", "cell", "retention", "options", "delay", "budget_fraction")
    row["design"] = str({key: value for key, value in row.items() if key not in (*apart, "pairing")})
    scores = [*(("rtrl", score) for score in rtrl), *(("tbptt", score) for score in tbptt)]
    return [{**row, "gradient": gradient, "score": score, "folder": f"{gradient}{score}"} for gradient, score in scores]


def without_memory(scores, **changes):
    """Runs of the feedforward network, which has neither cell nor retention."""
    made = runs(scores, [], **{"cell": "none", "retention": math.nan, **changes})
    return [{**row, "gradient": "feedforward", "folder": f"feedforward{row['score']}"} for row in made]


def results(*groups):
    return {"runs": pd.DataFrame([row for group in groups for row in group]), "curves": CURVES}


def delays(comparison):
    """Delay, M and retention of each setting of a comparison."""
    return {(one.run["delay"], one.run["unroll"], one.run["retention"]) for one in comparison.settings}


@pytest.mark.parametrize(
    ("rtrl", "tbptt", "verdict"),
    [
        ([5.0, 6, 7, 8, 9], [0.0, 1, 2, 3, 4], "RTRL ahead, p < 0.05"),
        ([0.0, 1, 2, 3, 4], [5.0, 6, 7, 8, 9], "TBPTT ahead, p < 0.05"),
        ([5.0, 6, 7], [0.0, 1, 2], "RTRL ahead, p < 0.05 is out of reach"),
        ([0.0, 1, 2], [5.0, 6, 7], "TBPTT ahead, p < 0.05 is out of reach"),
        ([0.0, 5, 6, 7], [1.0, 2, 3, 4.5], "no difference seen"),
        ([5.2, 5.6, 6, 7], [1.0, 2, 3, 5.5], "RTRL ahead, not significant"),  # 4 of 70 deals are as extreme
        ([5.0, 6], [0.0, 1], "fewer than 3 seeds per method, no verdict"),
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
    made = results(
        runs([1.0] * 5, [0.5] * 5, **GAME, env_steps=1000),
        runs([1.0] * 3, [0.5] * 3, **GAME, env_steps=2000),
        runs([1.0] * 5, [0.5] * longest, **GAME, env_steps=4000),
        runs([1.0] * 5, [0.5] * 5, **{**GAME, "layers": 2}, env_steps=8000),
        runs([1.0] * 5, [0.5] * 5, **{**GAME, "unroll": 50}, env_steps=8000),
    )
    (setting,) = evidence.at(made, "chaser", 5, "better than").settings
    assert setting.run["env_steps"] == chosen


def test_of_settings_with_enough_seeds_and_equal_budgets_that_with_most_seeds_counts_which_is_said():
    made = results(
        runs([1.0] * 3, [0.5] * 3, **GAME),
        runs([2.0] * 5, [0.5] * 5, **GAME, learning_rate=3e-3),
        runs([3.0] * 9, [0.5] * 4, **GAME, learning_rate=6e-3),
    )
    one = evidence.at(made, "chaser", 5, "better than")
    assert one.settings[0].left == [2.0] * 5
    assert one.chosen == "of 3 settings, the one with enough seeds and most steps"
    assert evidence.at(results(runs([1.0], [0.5], **GAME)), "chaser", 5, "better than").chosen == ""


def test_claims_are_of_the_papers_cell_alone():
    others = [runs([1.0] * 9, [0.5] * 9, cell="egru"), runs([1.0] * 9, [0.5] * 9, cell="egru", **GAME)]
    made = results(runs([0.9] * 3, [0.4] * 3), runs([0.9] * 3, [0.4] * 3, **GAME), *others)
    (task,) = evidence.memory(made, "better than", long=True, retained=True).settings
    (game,) = evidence.at(made, "chaser", 5, "better than").settings
    assert task.left == game.left == [0.9] * 3
    none = evidence.at(results(*others), "chaser", 5, "better than")
    assert none.untested == "neither RTRL nor TBPTT has a finished run"


def test_rows_of_another_cell_say_so_and_are_not_combined():
    long = [{"delay": delay, "options": f'{{"delay": {delay}}}'} for delay in (10, 20)]
    made = results(*(runs([1.0] * 3, [0.5] * 3, cell=cell, **task) for cell in ("elstm", "egru") for task in long))
    frame = comparisons(made).set_index("scope")
    assert frame.loc["Memory tasks, delay ≥ M", ["tasks", "n_rtrl"]].tolist() == [2, 6]
    tasks = {f"T-maze, delay {delay}{cell}" for delay in (10, 20) for cell in ("", ", eGRU")}
    assert set(frame.index) == {"Memory tasks, delay ≥ M", *tasks}


def test_a_game_at_two_learning_rates_is_one_task_of_a_suite():
    games = [
        runs([2.0] * 3, [1.0] * 3, **GAME),
        runs([0.0] * 3, [1.0] * 3, **GAME, env_steps=500),
        runs([0.0] * 2, [1.0] * 9, **GAME, env_steps=2000),
    ]
    assert comparisons(results(*games))["tasks"].tolist() == [1, 1, 1]
    row = comparisons(results(*games, runs([2.0] * 3, [1.0] * 3, **{**GAME, "environment": "maze"}))).iloc[0]
    assert (row["scope"], row["tasks"], row["n_rtrl"], row["probability"]) == ("ProcGen, all", 2, 6, 1.0)


def test_tasks_with_different_retentions_are_combined_under_all_of_them():
    tasks = {"tmaze": 20.0, "delayed_match": 30.0, "other": math.nan}
    made = results(*(runs([1.0] * 3, [0.5] * 3, environment=name, retention=value) for name, value in tasks.items()))
    row = comparisons(made).set_index("scope").loc["Memory tasks, delay ≥ M"]
    assert set(row["retention"].split("; ")) == {"20", "30", "paper's"}


def test_feedforward_runs_stand_beside_the_setting_that_they_share_with_recurrent_ones():
    made = results(
        runs([5.0], [1.0], **GAME),
        runs([6.0], [], **GAME, learning_rate=3e-3),
        without_memory([2.0], **GAME),
        without_memory([3.0], **GAME, learning_rate=3e-3),
        without_memory([4.0], **GAME, unroll=50),
    )
    assert [scores for _, scores in pairs(made, "rtrl", "feedforward")] == [([5.0], [2.0]), ([6.0], [3.0])]
    (setting,) = evidence.at(made, "chaser", 5, "better than").settings
    assert setting.feedforward == (2.0,)


def test_feedforward_runs_at_another_m_are_no_floor():
    made = results(runs([5.0], [1.0], **GAME), without_memory([4.0], **GAME, unroll=50))
    (setting,) = evidence.at(made, "chaser", 5, "better than").settings
    assert setting.feedforward == ()


def test_success_over_training_counts_every_episode_alike():
    made = results(runs([1.0], [0.5]))
    first, later = {"episode_return_mean": 0.5, "episodes": 1}, {"episode_return_mean": 1.0, "episodes": 99}
    ended = pd.DataFrame([{"folder": folder, **row} for folder in ("rtrl1.0", "tbptt0.5") for row in (first, later)])
    ((_, scores),) = pairs({**made, "curves": ended}, in_training=True)
    assert scores == ([pytest.approx(0.995)], [pytest.approx(0.995)])


def test_a_study_by_rtrl_alone_does_not_hide_the_one_with_both_methods():
    both = [runs([1.0, 0.9, 1.0], [0.5, 0.6, 0.5], delay=d, options=f'{{"delay": {d}}}') for d in (10, 20)]
    alone = [runs([1.0], [], delay=d, options=f'{{"delay": {d}}}', retention=50.0) for d in (10, 20, 40)]
    found = evidence.memory(results(*both, *alone), "better than", long=True, retained=True)
    assert delays(found) == {(10, 5, 20.0), (20, 5, 20.0)}


def test_settings_in_which_nobody_knows_what_was_learned_come_last():
    hard = runs([5.0, 6, 7], [1.0, 2, 3], **GAME, backend="procgen-mirror 0.10.7")
    easy = [{**run, "options": '{"distribution_mode": "easy"}', "env_steps": 2000, "pairing": "easy"} for run in hard]
    found = evidence.at(results(hard, easy), "chaser", 5, "better than")
    assert found.settings[0].run["options"] == "{}"


def test_rows_of_one_task_at_two_learning_rates_say_so(tree):
    for rate in (1e-3, 1e-4):
        for method in ("rtrl", "tbptt"):
            folder = tree.memory("tmaze", 20, method, 0, 1.0, optimiser={"learning_rate": rate})
            folder.rename(folder.with_name(f"rate{rate}"))
    assert sorted(verdicts.build(load(tree.root)).text["Differs in"]) == ["learning_rate 0.0001", "learning_rate 0.001"]


def test_settings_with_as_many_seeds_and_steps_are_said_to_be_equal():
    found = evidence.at(
        results(*(runs([5.0], [1.0], **GAME, learning_rate=r) for r in (1e-3, 1e-4))), "chaser", 5, "better than"
    )
    assert found.chosen.endswith("(2 of them have as many; the first by its folder's name)")


def test_runs_in_which_no_training_episode_ended_have_no_success_over_training():
    made = results(runs([1.0, 0.9], [0.5, 0.6]))
    ended = pd.DataFrame({"folder": ["rtrl1.0", "tbptt0.5", "tbptt0.6"], "episode_return_mean": [0.7, 0.4, math.nan]})
    ended["episodes"] = [3, 2, 0]
    ((_, scores),) = pairs({**made, "curves": ended}, in_training=True)
    assert scores == ([pytest.approx(0.7)], [pytest.approx(0.4)])
