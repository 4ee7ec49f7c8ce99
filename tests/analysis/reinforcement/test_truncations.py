"""TBPTT's cosine at several M on agents' rollouts: the figure, the table, and its place beside the gain in score."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.reinforcement import truncations
from analysis.reinforcement.figures import gain_and_cosine, truncation
from analysis.reinforcement.tables import cosines

LEVEL = "rooms_select_nonmatching_object"


def agent(tree, seed, cosine, level=LEVEL, returns=(40.0,) * 3, **more):
    """An agent of RTRL. At M = 10 the cosine falls by 0.1 from a fifth of training to the next, at M = 100 it is 1."""
    settings = {"unroll": 20, "retention": 30.0, "truncation": {"points": 10}, **more}
    folder = tree.level(level, "rtrl", seed, real=False, returns=[*returns], **settings)
    steps = [8_000_000 * k for k in range(10)]
    rows = [(at, 10, cosine - 0.1 * (k // 2)) for k, at in enumerate(steps)] + [(at, 100, 1.0) for at in steps]
    frame = pd.DataFrame(rows, columns=["env_steps", "unroll", "cosine"])
    frame.assign(update=1, segments=1, norm_ratio=0.9).to_csv(folder / "truncation.csv", index=False)


def test_in_any_environment_the_table_says_whether_agents_have_learned(tree):
    for number, (level, returns) in enumerate(
        [("rooms_watermaze", [40.0] * 3), ("rooms_keys_doors_puzzle", [1.0] * 3)]
    ):
        agent(tree, number, 0.8, level=level, returns=returns)
    text = cosines.build(load(tree.root)).text
    assert dict(zip(text["Task"], text["Learned"])) == {
        "rooms_watermaze": "yes",
        "rooms_keys_doors_puzzle": "no",
    }


def test_cosines_are_those_of_the_first_the_middle_and_the_last_fifth_of_training(tree):
    agent(tree, 0, 0.8)
    agent(tree, 1, 0.9)
    _, numbers, verdict = truncation.draw(load(tree.root))
    short = numbers[numbers["unroll"] == 10].set_index("part")
    assert short["cosine"].to_dict() == pytest.approx({"start": 0.85, "middle": 0.65, "end": 0.45})
    assert (short["low"]["end"], short["high"]["end"], short["n"]["end"]) == (pytest.approx(0.4), pytest.approx(0.5), 2)
    assert f"{LEVEL} 0.45 at M = 10, 0.95 or more from M = 100 on" in verdict
    text = cosines.build(load(tree.root)).text
    assert text[["Part of training", "M = 10", "M = 100", "Learned"]].values.tolist() == [
        ["start", "0.85", "1.00", "yes"], ["middle", "0.65", "1.00", "yes"], ["end", "0.45", "1.00", "yes"]
    ]  # fmt: skip


def test_the_m_that_is_enough_is_followed_by_no_poorer_one(tree):
    agent(tree, 0, 1.0)
    numbers = truncation.draw(load(tree.root)).numbers
    end = numbers[numbers["part"] == "end"].iloc[[0] * 3].assign(unroll=[5, 10, 20], cosine=[0.96, 0.8, 0.97])
    assert "0.96 at M = 5, 0.95 or more from M = 20 on" in truncation.verdict(end)
    assert "0.96 at M = 5, below 0.95 at the longest M too" in truncation.verdict(end[:2])


def test_the_cosine_beside_a_gain_is_that_of_rtrls_agents_that_compared_often_each_alike(tree):
    for seed, cosine in enumerate((0.8, 0.6)):  # 0.6 and 0.4 on average
        agent(tree, seed, cosine)
    paths = [tree.root / "runs/reinforcement" / LEVEL / f"rtrl_retention30.0/M20/seed{seed}" for seed in (0, 1)]
    rows = pd.read_csv(paths[0] / "truncation.csv")
    pd.concat([rows, rows.assign(env_steps=rows["env_steps"] + 1)]).to_csv(paths[0] / "truncation.csv", index=False)
    agent(tree, 2, 0.2)  # too few comparisons
    rare = tree.root / "runs/reinforcement" / LEVEL / "rtrl_retention30.0/M20/seed2/truncation.csv"
    pd.read_csv(rare).groupby("unroll").head(9).to_csv(rare, index=False)
    assert truncations.means(load(tree.root)).xs(10, level="unroll").tolist() == [pytest.approx(0.5)]


def test_panels_say_how_many_comparisons_and_agents_a_point_rests_on_and_the_legend_what_the_line_at_1_is(tree):
    agent(tree, 0, 0.8)
    agent(tree, 1, 0.8)
    path = tree.root / "runs/reinforcement" / LEVEL / "rtrl_retention30.0/M20/seed0/truncation.csv"
    pd.read_csv(path).query("env_steps > 0").to_csv(path, index=False)
    figure = truncation.draw(load(tree.root)).figure
    said = [axes.texts[0].get_text() for axes in figure.axes]
    assert said == ["1–2 comparisons an agent, 2 agents a line", *["2 comparisons an agent, 2 agents a line"] * 2]
    assert "exact gradient" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_agents_of_another_size_are_no_seeds_and_the_last_update_is_in_the_last_fifth(tree):
    agent(tree, 0, 0.8)
    agent(tree, 1, 0.8, hidden=64)
    path = tree.root / "runs/reinforcement" / LEVEL / "rtrl_retention30.0/M20/seed0/truncation.csv"
    pd.read_csv(path).replace({"env_steps": {72_000_000: 80_000_000}}).to_csv(path, index=False)
    numbers = truncation.draw(load(tree.root)).numbers
    end = numbers[(numbers["part"] == "end") & (numbers["unroll"] == 10)]
    assert end["n"].tolist() == [1, 1]
    assert end["cosine"].tolist() == pytest.approx([0.4, 0.4])


def test_agents_that_differ_in_learning_rate_alone_are_told_apart(tree):
    for seed, rate in enumerate((1e-3, 2e-3)):
        agent(tree, seed, 0.8, optimiser={"learning_rate": rate})
    results = load(tree.root)
    legend = [text.get_text() for text in truncation.draw(results).figure.legends[0].get_texts()]
    assert [("learning_rate 0.001" in text, "learning_rate 0.002" in text) for text in legend[:2]] == [
        (True, False), (False, True)
    ]  # fmt: skip
    assert sorted(cosines.build(results).text["Agents"].unique()) == [
        "RTRL, M = 20, learning_rate 0.001", "RTRL, M = 20, learning_rate 0.002"
    ]  # fmt: skip


def test_the_gain_in_a_game_is_drawn_against_the_cosine_on_rollouts_at_the_same_m_and_retention(tree):
    agent(tree, 9, 0.8)
    for unroll, retention in ((10, 30.0), (10, None), (50, 30.0)):  # only for the first of these was a cosine measured
        for seed in range(3):
            for method, score in (("rtrl", 40.0), ("tbptt", 20.4695)):  # the random player's is 0.939
                more = {"unroll": unroll, "retention": retention}
                tree.level(LEVEL, method, seed, real=False, returns=[score] * 3, **more)
    figure, numbers, _ = gain_and_cosine.draw(load(tree.root))
    assert numbers["setting"].tolist() == [f"{LEVEL} [rooms backend], M = 10, retention 30"]
    assert (numbers["cosine"][0], numbers["gain"][0]) == (pytest.approx(0.6), pytest.approx(0.5))
    assert not numbers["own_runs"][0]
    assert figure.axes[0].get_xlim()[0] == 0.5  # the next tenth below
    assert figure.legends[0].get_texts()[-1].get_text() == "compared on the rollouts of RTRL's agents"


def test_agents_whose_gradients_are_measured_are_no_results(tree):
    agent(tree, 0, 0.8)
    results = load(tree.root)
    assert results["runs"].empty and results["curves"].empty
    assert results["index"]["task"].tolist() == [f"{LEVEL} [rooms backend], gradients at several M"]


def test_without_such_runs_there_is_nothing_to_show(tree):
    tree.level(LEVEL, "rtrl", 0, real=False)
    with pytest.raises(NothingToShow, match="no run compared TBPTT's gradient at several M"):
        truncation.draw(load(tree.root))
