"""Figures: the curves' smoothing, what is drawn, and the files."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from results_tree import CONFIG

from analysis import figures, kinds
from analysis.costs.load import NOT_STUDIED
from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.methods import named
from analysis.reinforcement import curves
from analysis.reinforcement.figures import (
    fig1_curves,
    fig2_atari,
    gain_and_cosine,
    memory_delay,
    memory_retention,
    other_curves,
    profiles,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def frame(*curves):
    """Runs of one setting, and their curves by folder."""
    folders = [f"run{number}" for number in range(len(curves))]
    same = {"panel": "p", "environment": "e", "backend": "b", "unroll": 5, "gradient": "rtrl", "cell": "elstm"}
    runs = named(pd.DataFrame({"folder": folders, **same, "gradient_options": "{}", "layers": 1}))
    return runs, dict(zip(folders, curves))


def curve(frames, returns, episodes=None):
    """A curve with the columns that a band needs."""
    counts = [1] * len(frames) if episodes is None else episodes
    return pd.DataFrame({"env_frames": frames, "episode_return_mean": returns, "episodes": counts})


def band(*curves_of_runs):
    """Mean and number of runs at the first and at the last frame that all runs have."""
    drawn = curves.common_frames(*frame(*curves_of_runs))
    bands = drawn.groupby("env_frames")["return"].agg(["mean", "count"])
    return bands.iloc[[0, -1]].reset_index().to_numpy().tolist()


def test_a_band_is_over_the_runs_at_frames_that_all_of_them_have():
    first, second = curve(range(10), range(10)), curve(range(2, 12), range(6, 16))
    assert band(first, second) == [[2, (2 + 6) / 2, 2], [9, (9 + 13) / 2, 2]]


def test_smoothing_weighs_intervals_by_their_episodes():
    """40 intervals, a window of 2: the last value is (1 x 3 + 5 x 1) / 4."""
    returns, episodes = [0.0] * 38 + [1.0, 5.0], [1] * 38 + [3, 1]
    assert band(curve(range(40), returns, episodes))[-1] == [39, pytest.approx(2.0), 1]


def test_a_curve_begins_with_the_first_whole_window():
    """40 intervals, a window of 2: one early episode, which ended because it was solved, is no point of its own."""
    drawn = band(curve(range(40), [50.0] + [2.0] * 39, [1] + [31] * 39))
    assert drawn[0] == [1, pytest.approx((50 + 31 * 2) / 32), 1]


def test_intervals_without_an_episode_do_not_count():
    drawn = band(curve(range(11), [np.nan] + [7.0] * 10, [0] + [2] * 10))
    assert drawn == [[1, 7.0, 1], [10, 7.0, 1]]


def test_a_run_with_fewer_than_ten_logged_points_is_not_drawn():
    short = curve(range(11), [np.nan] * 2 + [3.0] * 9, [0] * 2 + [1] * 9)
    assert band(short, curve(range(10), [5.0] * 10)) == [[0, 5.0, 1], [9, 5.0, 1]]
    assert curves.common_frames(*frame(short)).empty


def texts(figure):
    """All text of a figure, on one line."""
    parts = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, axes._left_title]]
    return " ".join(" ".join(parts).split())


def test_figure1_has_a_panel_for_each_m_of_chaser(small):
    figure, data, _ = fig1_curves.draw(small)
    assert "Chaser, M = 5" in texts(figure)
    assert "Chaser, M = 50" in texts(figure)
    assert "n = 3 seeds, procgen-mirror 0.10.7" in texts(figure)
    assert set(data["method"]) == {"Feedforward", "TBPTT", "RTRL"}


def test_figure2_draws_the_papers_games_that_were_run_with_its_letters_and_names_the_others(tree):
    for game in ("breakout", "qbert", "seaquest"):
        tree.run("atari", game, "rtrl", 0)
    figure, _, note = fig2_atari.draw(load(tree.root))
    assert [axes.get_title().split(",")[0] for axes in figure.axes] == ["(a) Breakout", "(d) Qbert", "(e) Seaquest"]
    assert " ".join(note.split()) == "not drawn, no finished runs: (b) Gravitar, M = 50; (c) MsPacman, M = 50"
    assert "under-trained" in texts(figure)


def test_figure1_has_other_segment_lengths_of_its_environments_last(tree):
    for unroll in (5, 20, 50):
        tree.run("procgen", "chaser", "rtrl", 0, unroll=unroll)
    figure, *_ = fig1_curves.draw(load(tree.root))
    titles = [axes.get_title().replace("\N{NO-BREAK SPACE}", " ") for axes in figure.axes]
    assert titles == ["(c) Chaser, M = 5", "(f) Chaser, M = 50", "Chaser, M = 20"]
    with pytest.raises(NothingToShow):
        other_curves.draw(load(tree.root))


def test_runs_with_another_learning_rate_budget_or_retention_are_no_seeds_of_a_curve(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("atari", "breakout", "rtrl", 1, unroll=50, optimiser={**CONFIG["optimiser"], "learning_rate": 0.1})
    tree.run("atari", "breakout", "rtrl", 2, retention=20.0)
    tree.run("atari", "breakout", "feedforward", 0)
    figure, data, _ = fig2_atari.draw(load(tree.root))
    titles = [" ".join(axes.get_title().split()) for axes in figure.axes]
    assert titles == [
        "(a) Breakout, M = 50, learning_rate 0.0006, retention as in the paper",
        "(a) Breakout, M = 50, learning_rate 0.0006, retention 20",
        "(a) Breakout, M = 50, learning_rate 0.1, retention as in the paper",
    ]
    assert set(data["n"]) == {1}
    assert data.groupby("method", observed=True).size().to_dict() == {"Feedforward": 200, "RTRL": 300}


def test_the_gain_of_rtrl_is_drawn_against_the_cosine_of_tbptts_gradient(small):
    _, data, _ = gain_and_cosine.draw(small)
    assert data["setting"].tolist() == ["T-maze, delay 20, 2 layers, M = 5, retention 20"]
    assert data["cosine"].iloc[0] == pytest.approx(0.4 - 0.01 * 5.5)
    assert data["gain"].iloc[0] == pytest.approx(1.0)  # of what RTRL gains over chance


def test_a_performance_profile_is_the_share_of_runs_at_least_as_good(small):
    _, data, _ = profiles.draw(small)
    profile = data[(data["panel"] == "profile") & (data["method"] == "TBPTT")].set_index("x")["value"]
    assert profile[0.5] == pytest.approx(4 / 6)  # successes 0.49, 0.50 and 0.51 on either of two tasks
    assert profile.is_monotonic_decreasing


def test_every_run_that_is_in_no_other_figure_is_in_the_figure_of_other_environments(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("gymnasium", "gymnasium:CartPole-v1", "rtrl", 0, fraction=None)
    tree.run("memory", "levers", "rtrl", 0, returns=[12, 15], fraction=None, environment_options={"pulls": 20})
    tree.run("mine", "maze", "rtrl", 0, fraction=None)
    figure, data, _ = other_curves.draw(load(tree.root))
    assert set(data["environment"]) == {"gymnasium:CartPole-v1", "levers", "maze"}
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert "levers, pulls 20, M = 50" in " ".join(titles.split())
    assert "gymnasium:" not in titles and "CartPole-v1, M = 50" in " ".join(titles.split())


def test_papers_scores_are_lines_where_they_fit(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[280.0])
    figure, *_ = fig2_atari.draw(load(tree.root))
    assert 275 in [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert "off this scale" not in texts(figure)


def test_papers_scores_are_a_note_where_they_would_flatten_the_curves(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[2.0])
    figure, *_ = fig2_atari.draw(load(tree.root))
    assert "off this scale: RTRL 275" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 10


def without_episodes(folder):
    """Make a run one in which no episode ended."""
    rows = pd.read_csv(folder / "curve.csv").assign(episodes=0, episode_return_mean=np.nan)
    rows.to_csv(folder / "curve.csv", index=False)


def test_what_has_too_few_points_is_named_above_the_figure(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    without_episodes(tree.run("atari", "gravitar", "rtrl", 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas warns of tables without rows among those to be joined
        figure, data, note = fig2_atari.draw(load(tree.root))
    assert len(figure.axes) == 1
    assert " ".join(note.split()).startswith("not drawn, fewer than 10 logged points a run: (b) Gravitar, M = 50; no ")
    assert set(data["environment"]) == {"breakout"}


def test_methods_and_seeds_with_too_few_points_are_named_above_a_panel_that_is_drawn(tree):
    for seed in range(2):
        tree.run("atari", "breakout", "rtrl", seed)
        without_episodes(tree.run("atari", "breakout", "tbptt", seed))
    without_episodes(tree.run("atari", "breakout", "rtrl", 2))
    note = fig2_atari.draw(load(tree.root)).note
    said = "fewer than 10 logged points a run: (a) Breakout, M = 50 (1 seed of RTRL, 2 seeds of TBPTT)"
    assert said in " ".join(note.split())


def test_a_figure_without_any_finished_episode_is_not_drawn(tree):
    without_episodes(tree.run("procgen", "chaser", "rtrl", 0))
    with pytest.raises(NothingToShow, match=r"fewer than 10 logged points a run: \(f\) Chaser"):
        fig1_curves.draw(load(tree.root))


@pytest.mark.parametrize(("returns", "low"), [([1.0, 5.0], 0), ([-5.0, 5.0], None)])
def test_the_axis_of_returns_begins_at_zero_where_none_is_negative(tree, returns, low):
    folder = tree.run("procgen", "chaser", "rtrl", 0)
    rows = pd.read_csv(folder / "curve.csv").assign(episodes=1)
    rows.assign(episode_return_mean=np.linspace(*returns, len(rows))).to_csv(folder / "curve.csv", index=False)
    bottom = fig1_curves.draw(load(tree.root)).figure.axes[0].get_ylim()[0]
    assert bottom == low if low is not None else bottom < -4


def test_delay_figure_marks_m_and_holds_every_seed(small):
    figure, data, _ = memory_delay.draw(small)
    row = data[(data["environment"] == "tmaze") & (data["method"] == "RTRL") & (data["delay"] == 20)].iloc[0]
    assert row["seed_scores"] == "0.9600 0.9700 0.9800"
    assert row["iqm"] == pytest.approx(0.97)
    assert set(data["retention"]) == {20}
    m_line = 0.5  # M = 5 between the delays 3 and 20, which stand at 0 and 1
    assert any(list(line.get_xdata()) == pytest.approx([m_line] * 2) for line in figure.axes[0].lines)


def test_marks_and_seeds_of_a_delay_stand_clearly_nearer_to_it_than_to_the_next(small):
    axes = memory_delay.draw(small).figure.axes[0]
    places = [x for dots in axes.collections for x in dots.get_offsets()[:, 0]]
    places += [x for line in axes.lines if line.get_marker() not in ("", "None", None) for x in line.get_xdata()]
    assert len(places) > 8
    assert max(abs(x - round(x)) for x in places) < 0.25


def test_delay_figure_has_a_panel_for_each_task_with_its_own_delays(tree):
    for method in ("rtrl", "tbptt"):
        for delay in (3, 10, 40):
            tree.memory("tmaze", delay, method, 0, 1.0)
        for delay in (5, 20):
            tree.memory("delayed_match", delay, method, 0, 1.0)
            tree.memory("delayed_match", delay, method, 0, 1.0, environment_options={"delay": delay, "symbols": 4})
    figure, data, _ = memory_delay.draw(load(tree.root))
    ticks = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in figure.axes[:3]]
    assert ticks == [["5", "20"], ["5", "20"], ["3", "10", "40"]]
    titles = [" ".join(axes.get_title().split()).split(", M")[0] for axes in figure.axes[:3]]
    assert titles == ["Delayed match, symbols 4", "Delayed match", "T-maze"]
    assert len(data) == 14


def test_delay_figure_leaves_out_runs_of_another_budget(tree):
    for delay in (3, 10):
        tree.memory("tmaze", delay, "rtrl", 0, 1.0)
    tree.memory("tmaze", 10, "rtrl", 1, 0.5, env_steps=999)
    _, data, _ = memory_delay.draw(load(tree.root))
    assert data["mean"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("m", "place"), [(2, -0.5), (3, -0.5), (5, 0.5), (20, 1.5), (50, 2.5)])
def test_the_line_separates_delays_within_the_segment_from_those_of_m_steps_and_more(m, place):
    assert memory_delay.position(m, [3, 10, 20]) == place


def test_retention_figure_has_the_papers_initialisation_first(small):
    figure, data, _ = memory_retention.draw(small)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["paper's\ninit", "20"]
    assert set(zip(data["environment"], data["delay"])) == {("tmaze", 20)}


def expected_files():
    """What the docstring of analysis.figures promises."""
    return {f"{name}{suffix}" for name in kinds.names("figures") for suffix in (*figures.SUFFIXES, ".rst")}


def test_command_writes_the_promised_files(written):
    folder = written / "figures"
    assert {path.name for path in folder.iterdir()} == expected_files()
    for name in kinds.names("figures"):
        with Image.open(folder / f"{name}.png") as image:
            assert len(np.unique(np.asarray(image))) > 20  # something was drawn
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(folder / f"{name}.csv")) >= 1


def test_command_writes_the_promised_files_without_any_run(tree, tmp_path):
    assert figures.main(["--runs", str(tree.root), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected_files()
    assert pd.read_csv(tmp_path / "out/fig2_atari.csv")["note"].tolist() == ["no finished runs of these environments"]
    assert pd.read_csv(tmp_path / "out/cost_against_N.csv")["note"].tolist() == [NOT_STUDIED]


def test_smoke_figures_say_that_they_mean_nothing(make_tree, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("matplotlib.figure.Figure.suptitle", lambda figure, text, **_: said.append(text))
    figures.main(["--runs", str(make_tree(tmp_path / "smoke").root), "--out", str(tmp_path / "out")])
    assert len(said) == len(kinds.names("figures"))
    assert all("smoke: numbers mean nothing" in text for text in said)


def test_same_runs_give_the_same_bytes(tree, tmp_path):
    tree.run("atari", "breakout", "rtrl", 0)
    for name in ("a", "b"):
        figures.main(["--runs", str(tree.root), "--out", str(tmp_path / name)])
    for file in ("fig2_atari.png", "fig2_atari.pdf"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("item", kinds.items("figures"), ids=lambda item: item.name)
def test_every_figure_has_a_title_and_a_caption_of_its_own(item):
    assert 3 < len(item.title) < 70
    assert len(item.caption) > 80
