"""The map of success over delay and M, and how stale RTRL's gradient is over learning rate and M."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pandas as pd
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.reinforcement.figures import memory_map, staleness


def test_the_map_has_a_cell_for_each_m_and_window_and_counts_those_solved(tree):
    for seed in range(3):
        for delay in (3, 10):
            tree.memory("tmaze", delay, "rtrl", seed, 1.0)
            tree.memory("tmaze", delay, "rtrl", seed, 1.0, unroll=2)
            tree.memory("tmaze", delay, "tbptt", seed, 1.0 if delay < 5 else 0.5)
            tree.memory("tmaze", delay, "tbptt_w20", seed, 0.9)
    _, numbers, verdict = memory_map.draw(load(tree.root))
    cells = numbers.set_index(["map", "reach", "delay"])["iqm"]
    assert cells["RTRL"].to_dict() == {(m, d): 1.0 for m in (2, 5) for d in (3, 10)}
    assert cells["TBPTT"].to_dict() == {(5, 3): 1.0, (5, 10): 0.5}
    assert cells[f"{memory_map.WINDOWS} at M = 5"].to_dict() == {(20, 3): 0.9, (20, 10): 0.9}
    assert verdict.startswith("Delays beyond the segment: RTRL 3 of 3 and TBPTT 0 of 1 cells solved; ")
    assert "within the segment: RTRL 1 of 1 and TBPTT 1 of 1 cells solved" in verdict


def test_windows_at_several_m_have_a_map_each(tree):
    for unroll in (2, 5):
        tree.memory("tmaze", 10, "rtrl", 0, 1.0, unroll=unroll)
        tree.memory("tmaze", 10, "bptt", 0, 0.1 * unroll, unroll=unroll)
    numbers = memory_map.draw(load(tree.root)).numbers.set_index("map")["iqm"]
    windows = {f"{memory_map.WINDOWS} at M = {m}": pytest.approx(0.1 * m) for m in (2, 5)}
    assert {name: value for name, value in numbers.items() if name.startswith(memory_map.WINDOWS)} == windows


def test_the_map_has_one_retention_for_all_m_and_says_what_is_left_aside_and_no_other_cell(tree):
    for unroll, retention, success in ((2, 20.0, 0.6), (5, 20.0, 0.7), (5, 80.0, 1.0)):
        for seed in range(1 if retention == 20 else 3):
            tree.memory("tmaze", 10, "rtrl", seed, success, unroll=unroll, retention=retention)
    tree.memory("tmaze", 5, "rtrl", 0, 0.9, unroll=2)
    tree.memory("tmaze", 10, "tbptt", 5, 0.5)
    shutil.move(tree.memory("tmaze", 10, "tbptt", 0, 1.0, cell="lstm"), tree.root / "runs/lstm")
    drawing = memory_map.draw(load(tree.root))
    cells = drawing.numbers.set_index(["map", "unroll", "delay"])
    assert cells["iqm"].to_dict() == {
        ("RTRL", 2, 5): 0.9, ("RTRL", 2, 10): 0.6, ("RTRL", 5, 10): 0.7, ("TBPTT", 5, 10): 0.5,
    }  # fmt: skip
    assert drawing.note.endswith("Not shown: 3 runs of other tasks, settings or initial retentions.")


def test_steps_to_solve_are_those_at_which_the_training_return_first_reaches_the_mark():
    rising = pd.DataFrame({"env_frames": range(100, 1100, 100), "episodes": 4})
    rising["episode_return_mean"] = np.linspace(0.1, 1, 10)
    assert memory_map.steps_to_solve(rising) == 900
    assert memory_map.steps_to_solve(rising.assign(episode_return_mean=0.5)) == math.inf


def test_a_lucky_first_interval_solves_nothing():
    curve = pd.DataFrame({"env_frames": range(100, 4100, 100), "episodes": [1, *39 * [4]]})
    curve["episode_return_mean"] = [1.0, *39 * [0.5]]  # the window of the sliding mean is two intervals
    assert memory_map.steps_to_solve(curve) == math.inf


def test_a_map_without_rtrl_and_tbptt_has_no_sentence():
    cells = [(5, 10, memory_map.WINDOWS, 1.0, 100.0)]
    numbers = pd.DataFrame(cells, columns=["unroll", "delay", "map", "iqm", "steps_to_solve"]).assign(task="T-maze")
    assert memory_map.verdict(numbers) == ""


def test_the_sentence_counts_cells_and_says_how_many_times_tbptts_steps_rtrl_takes():
    cells = [
        *((2, 3, "RTRL", 0.9, 600.0), (2, 3, "TBPTT", 0.5, 200.0)),  # 3 times
        *((5, 10, "RTRL", 1.0, 400.0), (5, 10, "TBPTT", 0.95, 200.0)),  # 2
        *((5, 3, "RTRL", 1.0, 90.0), (5, 3, "TBPTT", 1.0, 60.0)),  # 1.5
        *((5, 20, "RTRL", 1.0, 700.0), (5, 20, "TBPTT", 0.5, math.inf)),
        (20, 20, memory_map.WINDOWS, 1.0, 100.0),
    ]
    numbers = pd.DataFrame(cells, columns=["unroll", "delay", "map", "iqm", "steps_to_solve"]).assign(task="T-maze")
    assert memory_map.verdict(numbers) == (
        "Delays beyond the segment: RTRL 3 of 3 and TBPTT 1 of 3 cells solved; "
        "delays within the segment: RTRL 1 of 1 and TBPTT 1 of 1 cells solved; "
        "where the training return of both reaches 0.9 (cells: 3), RTRL takes 2.00 times TBPTT's steps (median). "
        "A cell counts as solved from a success rate of 0.9 on in greedy play."
    )


def test_one_segment_length_is_no_map(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    with pytest.raises(NothingToShow, match="more than one segment length"):
        memory_map.draw(load(tree.root))


@pytest.mark.parametrize(
    ("slow", "said"), [(1.0, "no more than 0.1 below the best setting's"), (0.25, "0.75 below the best setting's")]
)
def test_staleness_names_the_setting_farthest_from_todays_gradient_and_its_success(tree, slow, said):
    for rate, success, cosine in ((0.001, 1.0, 0.99), (0.01, slow, 0.7)):
        for seed in range(3):
            tree.two_layers("rtrl", seed, success, [cosine] * 10, unroll=5, optimiser={"learning_rate": rate})
            folder = tree.root / "runs/reinforcement/tmaze_delay20/rtrl_retention20.0/M5"
            (folder / f"seed{seed}").rename(folder / f"rate{rate}_seed{seed}")
    _, numbers, verdict = staleness.draw(load(tree.root))
    assert numbers.set_index("learning_rate")["cosine"].to_dict() == pytest.approx({0.001: 0.99, 0.01: 0.7})
    assert verdict.startswith("T-maze, delay 20: stalest at learning rate 0.01, M = 5 (cosine 0.7000, ")
    assert f"where success is {said}" in verdict


def test_staleness_says_of_no_setting_that_it_is_as_good_as_the_best_where_none_learned(tree):
    for rate, cosine in ((0.001, 0.99), (0.01, 0.7)):
        tree.two_layers("rtrl", 0, 0.5, [cosine] * 10, unroll=5, optimiser={"learning_rate": rate})
        folder = tree.root / "runs/reinforcement/tmaze_delay20/rtrl_retention20.0/M5"
        (folder / "seed0").rename(folder / f"rate{rate}")
    assert "(cosine 0.7000, success 0.50) (no setting learned the task); least" in staleness.draw(load(tree.root)).note
