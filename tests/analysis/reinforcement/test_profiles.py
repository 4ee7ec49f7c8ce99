"""Sample efficiency over the memory tasks, on curves written by hand."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.reinforcement.figures import profiles


def test_sample_efficiency_is_the_interquartile_mean_of_all_runs_up_to_where_the_shortest_ends(tree):
    """Straight lines to 40 000 steps, one of them cut at 38 000; too few points for smoothing."""
    for task, levels in (("tmaze", (0.1, 0.2, 0.3)), ("delayed_match", (0.4, 0.9, 1.0))):
        for seed, level in enumerate(levels):
            folder = tree.memory(task, 20, "rtrl", seed, 1.0)
            steps = [2000 * k for k in range(1, 20 if level == 0.2 else 21)]
            curve = pd.DataFrame({"env_frames": steps, "env_steps": steps, "updates": range(len(steps)), "wall_s": 1.0})
            curve = curve.assign(episode_return_mean=[level * at / 40_000 for at in steps], episodes=4)
            curve.to_csv(folder / "curve.csv", index=False)
    _, data, _ = profiles.draw(load(tree.root))
    efficiency = data[data["panel"] == "efficiency"].set_index("x")["value"]
    assert efficiency.index.tolist() == pytest.approx([1900 * k for k in range(1, 21)])
    middle = (0.2 + 0.3 + 0.4 + 0.9) / 4
    expected = [middle * at / 40_000 for at in (3800, 19_000, 38_000)]
    assert efficiency.iloc[[1, 9, 19]].tolist() == pytest.approx(expected)


def test_a_run_in_which_no_episode_ended_is_left_out(tree):
    for seed in range(2):
        folder = tree.memory("tmaze", 20, "rtrl", seed, 1.0)
    rows = pd.read_csv(folder / "curve.csv").assign(episodes=0, episode_return_mean=float("nan"))
    rows.to_csv(folder / "curve.csv", index=False)
    drawing = profiles.draw(load(tree.root))
    assert "1 tasks, 1 runs a method" in drawing.figure.axes[0].texts[0].get_text()


def test_methods_that_are_left_out_are_not_among_the_runs_counted(tree):
    for task in ("tmaze", "delayed_match"):
        tree.memory(task, 20, "rtrl", 0, 1.0)
    tree.memory("tmaze", 20, "tbptt", 0, 1.0)
    drawing = profiles.draw(load(tree.root))
    assert "2 tasks, 2 runs a method" in drawing.figure.axes[0].texts[0].get_text()
    assert drawing.note == "Not drawn, as they were not run on every one of these tasks: TBPTT."


def test_delays_that_a_segment_holds_are_no_reason_to_fail(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    with pytest.raises(NothingToShow, match="with a delay that a segment cannot hold"):
        profiles.draw(load(tree.root))


def test_another_cell_makes_no_further_task(tree):
    for seed in range(2):
        tree.memory("tmaze", 20, "rtrl", seed, 1.0)
        tree.memory("tmaze", 20, "tbptt", seed + 5, 0.5)
        shutil.move(tree.memory("tmaze", 20, "tbptt", seed, 0.5, cell="lstm"), tree.root / f"runs/lstm{seed}")
    assert set(profiles.draw(load(tree.root)).numbers["method"]) == {"TBPTT", "RTRL", "LSTM TBPTT"}
