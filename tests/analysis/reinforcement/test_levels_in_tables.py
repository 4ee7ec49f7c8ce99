"""DMLab levels: which simulator ran them is in every name, and only DMLab itself is compared; vision pre-training."""

from __future__ import annotations

import json
import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml

from analysis import figures, overview, report, tables
from analysis.load import load
from analysis.reinforcement import names, paper, players
from analysis.reinforcement.comparisons import comparisons
from analysis.reinforcement.figures import fig1_curves, other_curves
from analysis.reinforcement.tables import scores as scores_table
from analysis.reinforcement.tables import table1, table2, throughput

NONMATCHING, WATERMAZE, KEYS_DOORS = "rooms_select_nonmatching_object", "rooms_watermaze", "rooms_keys_doors_puzzle"
TAG = " [rooms backend]"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def stem(**changes):
    """What run.json says of a stem that was pre-trained on watermaze as in the paper."""
    origin = {"environment": WATERMAZE, "method": "tbptt", "env_steps": 200_000_000, "env_frames": 800_000_000}
    return {"pretrained": {**origin, "seed": 0, "fingerprint": "aa", "backend": "deepmind_lab 1.0", **changes}}


def scores(tree):
    """The table of scores of a tree."""
    return scores_table.build(load(tree.root))


def drawn(figure):
    """Title -> panel, of a figure's panels that have curves; titles on one line."""
    return {" ".join(axes.get_title().split()): axes for axes in figure.axes if axes.lines}


def facts(figure):
    """What is said above the curves of a figure's only panel that has some."""
    (axes,) = drawn(figure).values()
    return axes.texts[0].get_text()


@pytest.mark.parametrize(
    ("environment", "method", "fraction"),
    [(NONMATCHING, "feedforward", 1.0), (WATERMAZE, "tbptt", 0.001), (KEYS_DOORS, "rtrl", 1.0)],
)
def test_the_rooms_backend_is_never_compared_nor_normalised(tree, environment, method, fraction):
    for seed in range(3):
        tree.level(environment, method, seed, real=False, fraction=fraction, returns=[50.0 + seed], record=stem())
    table = scores(tree)
    row = table.numbers.iloc[0]
    assert row["verdict"].startswith("not comparable: a different simulator (rooms 0.1.0, not deepmind_lab)")
    assert all(math.isnan(row[key]) for key in ("paper_score", "paper_std", "human_normalised"))
    assert table.text["Paper"].tolist() == ["–"]
    assert "Human-normalised" not in table.text


def test_no_output_sets_a_published_number_beside_the_rooms_backend(tree):
    """At the paper's budgets and settings; `human` and verdicts would stand in the tables, lines in the figures.

    The only lines there are the reference players, which this project measured in the same simulator.
    """
    for seed in range(3):
        for method in ("tbptt", "rtrl"):
            for environment in (WATERMAZE, KEYS_DOORS):
                tree.level(environment, method, seed, real=False, returns=[50.0 + seed], record=stem())
    results = load(tree.root)
    for _, table in tables.build(results):
        text = table.text.to_csv()
        assert "agrees" not in text
        assert "differs:" not in text
        assert "Human" not in text
    for module, environment in ((fig1_curves, WATERMAZE), (other_curves, KEYS_DOORS)):
        figure, *_ = module.draw(results)
        (axes,) = drawn(figure).values()
        levels = {line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1}
        assert levels == {players.score(environment, "rooms 0.1.0", player) for player in ("random", "oracle")}
        said = [*axes.texts, *figure.legends[0].get_texts()]
        assert "paper's final" not in " ".join(text.get_text() for text in said)
        assert "paper, off" not in " ".join(text.get_text() for text in said)


@pytest.mark.parametrize(
    ("environment", "score", "expected"),
    [(WATERMAZE, 54.0, 1.0), (WATERMAZE, 4.065, 0.0), (NONMATCHING, 33.106, 0.5), (KEYS_DOORS, 4.135, 0.0)],
)
def test_scores_of_dmlab_itself_are_normalised_between_random_and_human(tree, environment, score, expected):
    tree.level(environment, "rtrl", 0, real=True, returns=[score])
    table = scores(tree)
    assert table.numbers["human_normalised"].iloc[0] == pytest.approx(expected, abs=1e-9)
    assert table.text["Human-normalised"].tolist() == [f"{100 * expected:.1f} %"]


def test_scores_of_cut_episodes_are_not_normalised(tree):
    folder = tree.level(WATERMAZE, "rtrl", 0, real=True, returns=[54.0])
    evaluation = json.loads((folder / "evaluation.json").read_text())
    evaluation["sets"][0]["truncated"] = 1
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    table = scores(tree)
    assert math.isnan(table.numbers["human_normalised"].iloc[0])
    assert "Human-normalised" not in table.text


def test_games_have_no_human_normalised_score(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    assert scores(tree).numbers["human_normalised"].isna().all()


@pytest.mark.parametrize(
    ("environment", "record", "expected"),
    [
        (WATERMAZE, stem(), "no interval from a single seed"),
        (WATERMAZE, {}, "not comparable: vision stem trained from scratch"),
        (WATERMAZE, stem(env_steps=100_000_000), "not comparable: pre-training 50 % of the paper's"),
        (WATERMAZE, stem(method="rtrl"), "not comparable: vision stem pre-trained on rooms_watermaze by rtrl"),
        (NONMATCHING, stem(), "not comparable: vision stem pre-trained on rooms_watermaze by tbptt"),
        (KEYS_DOORS, {}, "no interval from a single seed"),
        (KEYS_DOORS, stem(), "not comparable: vision stem pre-trained"),
        (WATERMAZE, stem(method="state"), "not comparable: vision stem taught from the simulator's state"),
        (KEYS_DOORS, stem(method="state"), "not comparable: vision stem taught from the simulator's state"),
    ],
)
def test_pretraining_has_to_be_the_papers(tree, environment, record, expected):
    tree.level(environment, "rtrl", 0, real=True, record=record)
    assert scores(tree).numbers["verdict"].iloc[0] == expected


def test_dmlab_itself_in_the_papers_settings_gets_a_verdict(tree):
    for seed, value in enumerate([54.0, 55.0, 56.0]):
        tree.level(WATERMAZE, "rtrl", seed, real=True, returns=[value], record=stem())
    assert scores(tree).numbers["verdict"].iloc[0] == "agrees: the paper's 54.8 lies inside [54.0, 56.0]"


def test_every_name_says_that_the_rooms_backend_ran(tree):
    for seed in range(2):
        for method in ("tbptt", "rtrl"):
            for environment in (WATERMAZE, NONMATCHING):
                tree.level(environment, method, seed, real=False, unroll=10)
    tree.level(KEYS_DOORS, "rtrl", 0, real=False)
    results = load(tree.root)
    first, second = table1.build(results).numbers, table2.build(results).numbers
    for frame in (first, second):
        assert set(frame["Source"]) >= {"ours" + TAG}
        assert "ours" not in set(frame["Source"])
    assert set(scores(tree).text["Environment"]) == {name + TAG for name in (WATERMAZE, NONMATCHING, KEYS_DOORS)}
    assert throughput.build(results).text["Environment"].str.endswith(TAG).all()
    assert set(comparisons(results)["scope"]) == {f"DMLab{TAG}, all", WATERMAZE + TAG, NONMATCHING + TAG}
    assert overview.what_was_run(results)["Task"].str.endswith(TAG).all()
    for module, panels in ((fig1_curves, 2), (other_curves, 1)):
        figure, data, _ = module.draw(results)
        assert [TAG in title for title in drawn(figure)] == [True] * panels
        assert set(data["backend"]) == {"rooms 0.1.0"}


def test_dmlab_itself_has_its_plain_name():
    assert names.environment(WATERMAZE, "deepmind_lab 1.0") == WATERMAZE
    assert names.simulator("procgen-mirror 0.10.7") == ""


def test_both_simulators_have_rows_and_panels_of_their_own(tree):
    tree.level(WATERMAZE, "rtrl", 0, real=False, returns=[10.0])
    tree.level(WATERMAZE, "rtrl", 1, real=True, returns=[20.0])
    results = load(tree.root)
    frame = table1.build(results).numbers
    ours = frame[frame["Source"].str.startswith("ours")].set_index("Source")
    assert ours[WATERMAZE].to_dict() == {"ours" + TAG: "10.0", "ours": "20.0"}
    figure, *_ = fig1_curves.draw(results)
    assert set(drawn(figure)) == {"(e) watermaze, M = 100", f"(e) watermaze{TAG}, M = 100"}


def test_both_simulators_have_panels_of_their_own_outside_the_papers_figures(tree):
    for seed, real in enumerate((False, True)):
        tree.level(KEYS_DOORS, "rtrl", seed, real=real)
    figure, *_ = other_curves.draw(load(tree.root))
    assert set(drawn(figure)) == {"keys_doors_puzzle, M = 100", f"keys_doors_puzzle{TAG}, M = 100"}


def test_a_row_of_table1_says_at_once_that_the_simulator_is_another(tree):
    tree.level(WATERMAZE, "rtrl", 0, real=False, fraction=0.001)
    tree.level(NONMATCHING, "rtrl", 0, real=False, fraction=0.002, vision="nature")
    results = load(tree.root)
    row = table1.build(results).numbers.iloc[-1]
    assert row["Beside the paper"] == "not comparable: a different simulator (rooms 0.1.0, not deepmind_lab)"


def test_frames_of_table1_include_the_pretraining_as_the_papers_do(tree):
    tree.level(WATERMAZE, "rtrl", 0, real=True, record={**stem(), "env_frames": 400_000_000})
    results = load(tree.root)
    frame = table1.build(results).numbers
    values = paper.values()
    published = values[(values["environment"] == WATERMAZE) & (values["method"] == "RTRL")]["frames"]
    assert set(published) == {1.2e9}
    assert frame["Env frames"].iloc[-1] == "1.2 G"


def test_the_panel_says_after_how_many_frames_the_stem_was_frozen(tree):
    tree.level(WATERMAZE, "rtrl", 0, real=False, record=stem(env_frames=60_000))
    figure, *_ = fig1_curves.draw(load(tree.root))
    assert "vision stem frozen after 60 k frames" in facts(figure)


def test_the_panel_says_that_the_stem_was_taught_from_the_state(tree):
    tree.level(WATERMAZE, "rtrl", 0, real=False, record=stem(env_frames=60_000, method="state"))
    figure, *_ = fig1_curves.draw(load(tree.root))
    assert "taught from the simulator's state" in facts(figure)


@pytest.fixture
def with_pretraining(tree):
    """A run of RTRL and of TBPTT, and the TBPTT run that their stems come from."""
    source = tree.level(WATERMAZE, "tbptt", 0, real=False, unroll=20)
    main = [tree.level(WATERMAZE, method, 0, real=False, record=stem()) for method in ("tbptt", "rtrl")]
    tree.scale(*main, lent=[source])
    return tree


def test_pretraining_is_no_result_and_no_problem(with_pretraining):
    results = load(with_pretraining.root)
    assert sorted(results["runs"]["unroll"]) == [100, 100]
    assert results["pretraining"]["unroll"].tolist() == [20]
    assert results["problems"].empty
    for _, table in tables.build(results):
        assert "M" not in table.text or "20" not in set(table.text["M"])
    _, data, _ = fig1_curves.draw(results)
    assert set(data["unroll"]) == {100}


def test_pretraining_is_in_the_list_of_what_was_run(with_pretraining):
    groups = overview.what_was_run(load(with_pretraining.root)).set_index("Task")
    row = groups.loc[f"{WATERMAZE}{TAG}, vision pre-training"]
    assert (row["Runs"], row["Methods"], row["M"]) == ("1", "TBPTT", "20")
    assert groups.loc[WATERMAZE + TAG, "Runs"] == "2"
    assert dict(overview.where(load(with_pretraining.root)))["Runs"].startswith("3; 0 more")


def test_unfinished_pretraining_is_listed(with_pretraining):
    next(with_pretraining.root.rglob("M20/seed0/run.json")).unlink()
    problems = load(with_pretraining.root)["problems"]
    assert problems["reason"].str.startswith("run.json is missing").tolist() == [True]


def test_pretraining_that_a_study_lists_too_is_a_result(with_pretraining):
    source = next(with_pretraining.root.rglob("M20/seed0"))
    with_pretraining.scale(source, lent=[source])
    results = load(with_pretraining.root)
    assert (results["runs"]["unroll"].tolist(), len(results["pretraining"])) == ([20], 0)


def test_the_records_have_pretraining_in_a_file_of_its_own(with_pretraining, tmp_path):
    assert tables.main(["--runs", str(with_pretraining.root), "--out", str(tmp_path)]) == 0
    assert pd.read_csv(tmp_path / "pretraining.csv")["unroll"].tolist() == [20]
    assert pd.read_csv(tmp_path / "runs.csv")["pretrained"].str.contains('"env_steps": 200000000').all()


def test_stems_from_different_runs_are_different_settings(tree):
    for seed, origin in enumerate(("aa", "aa", "bb")):
        tree.level(WATERMAZE, "rtrl", seed, real=True, record=stem(fingerprint=origin))
    settings = load(tree.root)["runs"].sort_values("seed")["setting"].tolist()
    assert settings[0] == settings[1] != settings[2]


def test_where_the_folder_of_a_pretraining_lies_is_no_other_configuration(tree):
    source = {"run": "results/here", "fingerprint": "aa"}
    folder = tree.level(WATERMAZE, "rtrl", 0, real=True, record=stem(), pretrained=source)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for change, problems in (({"run": "results/there"}, 0), ({"fingerprint": "bb"}, 1)):
        changed = config | {"pretrained": source | change}
        (folder / "config.yaml").write_text(yaml.safe_dump(changed))
        assert len(load(tree.root)["problems"]) == problems


def test_the_page_and_all_figures_are_made_with_levels_and_pretraining(with_pretraining):
    root = with_pretraining.root
    options = ["--runs", str(root), "--out"]
    assert figures.main([*options, str(root / "figures")]) == 0
    assert report.main([*options, str(root / "report")]) == 0
    page = (root / "report/index.html").read_text()
    assert f"{WATERMAZE}{TAG}, vision pre-training" in page


@pytest.mark.parametrize(("key", "value"), [("precision", "bfloat16"), ("deterministic", False)])
def test_runs_that_compute_otherwise_than_the_paper_are_not_comparable(tree, key, value):
    tree.level(NONMATCHING, "rtrl", 0, real=True, **{key: value})
    assert scores(tree).numbers["verdict"].iloc[0].endswith(f"; other {key}")


@pytest.mark.parametrize(("method", "comparable"), [("rtrl", True), ("rtrl_l2", False), ("tbptt_w20", False)])
def test_only_the_papers_own_methods_stand_beside_its_curves(tree, method, comparable):
    tree.run("procgen", "chaser", method, 0, fraction=1.0, unroll=5, record={"backend": "procgen 0.10.7"})
    assert scores(tree).numbers["verdict"].iloc[0].startswith("not in the paper") != comparable
