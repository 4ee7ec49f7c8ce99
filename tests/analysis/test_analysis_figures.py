"""Figures: the curves' smoothing, what is drawn, and the files."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis import captions, curve_figures, figures, memory_figures, panels
from analysis.costs import NOT_STUDIED
from analysis.load import load


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def curve(frames, returns, episodes):
    """A curve with the columns that a band needs."""
    return pd.DataFrame({"env_frames": frames, "episode_return_mean": returns, "episodes": episodes})


def test_band_is_mean_and_deviation_over_runs():
    drawn = curve_figures.band([curve([0, 10], [0, 10], [1, 1]), curve([0, 10], [4, 14], [1, 1])])
    assert drawn["mean"].iloc[[0, -1]].tolist() == [2.0, 12.0]
    assert drawn["std"].iloc[-1] == pytest.approx(np.std([10, 14], ddof=1))
    assert drawn["n"].unique().tolist() == [2]


def test_smoothing_weighs_intervals_by_their_episodes():
    """40 intervals, a window of 2: the last value is (1 x 3 + 5 x 1) / 4."""
    returns, episodes = [0.0] * 38 + [1.0, 5.0], [1] * 38 + [3, 1]
    drawn = curve_figures.band([curve(range(40), returns, episodes)])
    assert drawn["mean"].iloc[-1] == pytest.approx(2.0)


def test_intervals_without_an_episode_do_not_count():
    drawn = curve_figures.band([curve([1, 2, 3], [np.nan, 7.0, 7.0], [0, 2, 2])])
    assert drawn["env_frames"].iloc[0] == 2
    assert (drawn["mean"] == 7.0).all()


def test_run_without_any_episode_is_not_counted():
    drawn = curve_figures.band([curve([1, 2], [np.nan] * 2, [0, 0]), curve([1, 2], [3.0, 3.0], [1, 1])])
    assert drawn["n"].unique().tolist() == [1]


def test_band_stays_where_all_runs_have_values():
    drawn = curve_figures.band([curve([0, 10], [1, 1], [1, 1]), curve([4, 8], [1, 1], [1, 1])])
    assert drawn["env_frames"].agg(["min", "max"]).tolist() == [4, 8]


def texts(figure):
    """All text of a figure."""
    return " ".join(
        text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, axes._left_title] if text
    )


def test_figure1_has_a_panel_for_each_m_of_chaser(small):
    figure, data = curve_figures.figure1(small)
    assert "Chaser, M = 5" in texts(figure)
    assert "Chaser, M = 50" in texts(figure)
    assert "n = 3 seeds, procgen-mirror 0.10.7" in texts(figure)
    assert set(data["method"]) == {"feedforward", "tbptt", "rtrl"}


def test_figure2_names_games_without_runs(small):
    figure, _ = curve_figures.figure2(small)
    assert len(figure.axes) == 6
    assert texts(figure).count("no runs") == 3
    assert "under-trained" in texts(figure)


def test_every_run_that_is_in_no_other_figure_is_in_the_figure_of_other_environments(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("gymnasium", "gymnasium:CartPole-v1", "rtrl", 0, fraction=None)
    tree.run("memory", "levers", "rtrl", 0, returns=[12, 15], fraction=None, environment_options={"pulls": 20})
    tree.run("mine", "maze", "rtrl", 0, fraction=None)
    figure, data = curve_figures.others(load(tree.root))
    assert set(data["environment"]) == {"gymnasium:CartPole-v1", "levers", "maze"}
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert "levers, pulls 20, M = 50" in titles.replace("\n", " ")


def test_papers_scores_are_lines_where_they_fit(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[280.0])
    figure, _ = curve_figures.figure2(load(tree.root))
    assert 275 in [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert "off this scale" not in texts(figure)


def test_papers_scores_are_a_note_where_they_would_flatten_the_curves(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[2.0])
    figure, _ = curve_figures.figure2(load(tree.root))
    assert "off this scale:\nRTRL 275" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 10


def test_a_panel_whose_runs_finished_no_episode_says_so(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    folder = tree.run("atari", "gravitar", "rtrl", 0)
    rows = pd.read_csv(folder / "curve.csv").assign(episodes=0, episode_return_mean=np.nan)
    rows.to_csv(folder / "curve.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas warns of tables without rows among those to be joined
        figure, data = curve_figures.figure2(load(tree.root))
    notes = [[text.get_text() for text in axes.texts] for axes in figure.axes[:2]]
    assert ["no episode ended within this budget" in note for note in notes] == [False, True]
    assert [any("paper, off this scale" in text for text in note) for note in notes] == [True, False]
    assert set(data["environment"]) == {"breakout"}


def test_a_run_whose_episodes_all_ended_in_one_interval_is_drawn_as_a_point(tree):
    folder = tree.run("procgen", "chaser", "rtrl", 0)
    rows = pd.read_csv(folder / "curve.csv")
    rows.loc[rows.index != 49, ["episodes", "episode_return_mean"]] = [0, np.nan]
    rows.to_csv(folder / "curve.csv", index=False)
    tree.run("procgen", "chaser", "tbptt", 0)
    figure, _ = curve_figures.figure1(load(tree.root))
    markers = {line.get_linestyle(): line.get_marker() for line in figure.axes[0].lines}
    assert markers == {"--": "", "-": "o"}


def test_a_figure_without_any_finished_episode_has_no_data(tree):
    folder = tree.run("procgen", "chaser", "rtrl", 0)
    rows = pd.read_csv(folder / "curve.csv").assign(episodes=0, episode_return_mean=np.nan)
    rows.to_csv(folder / "curve.csv", index=False)
    figure, data = curve_figures.figure1(load(tree.root))
    assert "no episode ended within this budget" in texts(figure)
    assert list(data.columns) == curve_figures.BAND_COLUMNS
    assert data.empty


def test_delay_figure_marks_m_and_holds_every_seed(small):
    figure, data = memory_figures.against_delay(small)
    row = data[(data["environment"] == "tmaze") & (data["method"] == "rtrl") & (data["delay"] == 20)].iloc[0]
    assert row["seed_scores"] == "0.9600 0.9700 0.9800"
    assert row["iqm"] == pytest.approx(0.97)
    assert set(data["retention"]) == {20}
    m_line = 2 / 17  # M = 5 between the delays 3 and 20, which stand at 0 and 1
    assert any(list(line.get_xdata()) == pytest.approx([m_line] * 2) for line in figure.axes[0].lines)


def test_delay_figure_has_a_panel_for_each_task_with_its_own_delays(tree):
    for method in ("rtrl", "tbptt"):
        for delay in (3, 10, 40):
            tree.memory("tmaze", delay, method, 0, 1.0)
        for delay in (5, 20):
            tree.memory("delayed_match", delay, method, 0, 1.0)
            tree.memory("delayed_match", delay, method, 0, 1.0, environment_options={"delay": delay, "symbols": 4})
    figure, data = memory_figures.against_delay(load(tree.root))
    ticks = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in figure.axes[:3]]
    assert ticks == [["5", "20"], ["5", "20"], ["3", "10", "40"]]
    titles = [axes.get_title().split(", M")[0] for axes in figure.axes[:3]]
    assert titles == ["Delayed match, symbols 4", "Delayed match", "T-maze"]
    assert len(data) == 14


def test_delay_figure_leaves_out_runs_of_another_budget(tree):
    for delay in (3, 10):
        tree.memory("tmaze", delay, "rtrl", 0, 1.0)
    tree.memory("tmaze", 10, "rtrl", 1, 0.5, env_steps=999)
    _, data = memory_figures.against_delay(load(tree.root))
    assert data["mean"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("m", "place"), [(2, -0.5), (3, 0), (15, 1.5), (20, 2), (50, 2.5)])
def test_place_of_m_between_the_delays(m, place):
    assert memory_figures._position(m, [3, 10, 20]) == place


def test_retention_figure_has_the_papers_initialisation_first(small):
    figure, data = memory_figures.against_retention(small)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["paper's\ninit", "20"]
    assert set(zip(data["environment"], data["delay"])) == {("tmaze", 20)}


def test_methods_keep_their_colours_and_others_get_different_ones():
    alone = panels.looks(["rtrl"])["rtrl"]
    styles = panels.looks(["rtrl", "tbptt", "tbptt_w10", "tbptt_w20", "bptt", "feedforward", "lstm_tbptt"])
    assert styles["rtrl"] == alone
    assert len({style["color"] for style in styles.values()}) == 7
    assert list(styles) == ["feedforward", "tbptt", "tbptt_w10", "tbptt_w20", "bptt", "rtrl", "lstm_tbptt"]


def expected_files():
    """What the docstring of analysis.figures promises."""
    return {f"{name}{suffix}" for name in figures.NAMES for suffix in figures.SUFFIXES}


def test_command_writes_the_promised_files(written):
    folder = written / "figures"
    assert {path.name for path in folder.iterdir()} == expected_files()
    for name in figures.NAMES:
        with Image.open(folder / f"{name}.png") as image:
            assert len(np.unique(np.asarray(image))) > 20  # something was drawn
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(folder / f"{name}.csv")) > 1


def test_command_writes_the_promised_files_without_any_run(tree, tmp_path):
    assert figures.main(["--runs", str(tree.root), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected_files()
    assert pd.read_csv(tmp_path / "out/fig2_atari.csv")["note"].tolist() == ["no runs of this kind"]
    assert pd.read_csv(tmp_path / "out/cost_against_N.csv")["note"].tolist() == [NOT_STUDIED]


def test_heading_of_smoke_figures_says_that_they_mean_nothing():
    assert "smoke: numbers mean nothing" in figures._heading("Figure", "smoke")


def test_same_runs_give_the_same_bytes(tree, tmp_path):
    tree.run("atari", "breakout", "rtrl", 0)
    for name in ("a", "b"):
        figures.main(["--runs", str(tree.root), "--out", str(tmp_path / name)])
    for file in ("fig2_atari.png", "fig2_atari.pdf"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("name", figures.NAMES)
def test_every_figure_has_a_caption_of_its_own(name):
    assert len(captions.text(name)) > 80
