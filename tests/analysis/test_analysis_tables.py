"""Tables: pooling over seeds, the paper's values, verdicts, and the three formats."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis import kinds, tables
from analysis.kinds import NothingToShow
from analysis.load import load
from analysis.reinforcement import paper
from analysis.reinforcement.tables import memory_study, rooms_fidelity, table1, table2, throughput, two_layers, verdicts
from analysis.reinforcement.tables import scores as scores_table
from analysis.sequences.tables import sequence_tasks


def scores(tree):
    """The table of scores of a tree."""
    return scores_table.build(load(tree.root)).numbers


def test_scores_pool_seeds_beside_the_papers_value(tree):
    for seed, value in enumerate([10.0, 20.0, 60.0]):
        tree.run("atari", "breakout", "rtrl", seed, returns=[value])
    row = scores(tree).iloc[0]
    assert (row["mean"], row["n"], row["seeds"]) == (30.0, 3, "0 1 2")
    assert row["std"] == pytest.approx(np.std([10, 20, 60], ddof=1))
    assert (row["paper_score"], row["paper_std"]) == (275, 53)


def test_another_budget_is_not_comparable(tree):
    tree.run("atari", "breakout", "rtrl", 0, fraction=0.0003)
    assert scores(tree)["verdict"].iloc[0] == "not comparable: budget 0.03 % of the paper's"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"vision": "nature"}, "vision"),
        ({"retention": 20.0}, "retention"),
        ({"evaluation": {"sets": 1, "episodes": 100, "max_steps": None}}, "evaluation.sets"),
        ({"environment_options": {"max_frames": 400}}, "environment_options.max_frames"),
    ],
)
def test_another_setting_is_not_comparable(tree, change, name):
    tree.run("atari", "breakout", "rtrl", 0, fraction=1.0, **change)
    assert scores(tree)["verdict"].iloc[0] == f"not comparable: other {name}"


def test_options_spelled_out_with_the_papers_values_are_comparable(tree):
    tree.run("atari", "breakout", "rtrl", 0, fraction=1.0, environment_options={"max_frames": 108_000})
    assert scores(tree)["verdict"].iloc[0] == "no interval from a single seed"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([270, 275, 280], "agrees: the paper's 275 lies inside [270, 280] (full games)"),
        ([100, 110, 120], "differs: the paper's 275 lies above [100, 120] (full games)"),
        ([400, 410, 420], "differs: the paper's 275 lies below [400, 420] (full games)"),
    ],
)
def test_comparable_runs_get_a_verdict(tree, values, expected):
    for seed, value in enumerate(values):
        tree.run("atari", "breakout", "rtrl", seed, returns=[value], fraction=1.0)
    assert scores(tree)["verdict"].iloc[0] == expected


@pytest.mark.parametrize(("method", "unroll"), [("tbptt_w20", 50), ("rtrl", 20)])
def test_what_the_paper_did_not_run_is_not_in_the_paper(tree, method, unroll):
    tree.run("atari", "breakout", method, 0, fraction=1.0, unroll=unroll)
    assert scores(tree)["verdict"].iloc[0] == "not in the paper"


def test_table2_has_our_rows_under_the_papers(small):
    frame = table2.build(small).numbers
    assert frame["Source"].tolist() == ["Irie et al. 2024 (submission text)"] * 3 + ["ours"] * 3
    assert frame["Method"].tolist() == ["Feedforward", "TBPTT", "RTRL"] * 2
    assert frame["Qbert, M=50"].iloc[2] == "12484 ± 1524"
    assert frame["Breakout, M=50"].iloc[5] == "33.5 ± 0.5"  # returns (60 + seed, 6) for seeds 0, 1, 2
    assert frame["Chaser, M=5"].iloc[5] == "6.50 ± 0.50"
    assert frame["Gravitar, M=50"].iloc[5] == "–"
    assert frame["Beside the paper"].iloc[5] == "not comparable: budget 0.1 % of the paper's"


def test_atari_is_told_by_full_games_and_by_lives(tree):
    for seed, lives in enumerate([[[2.0, 4.0], [9.0]], [[8.0], [1.0, 0.0]]]):
        folder = tree.run("atari", "breakout", "rtrl", seed, returns=[sum(game) for game in lives])
        evaluation = json.loads((folder / "evaluation.json").read_text())
        for one, game in zip(evaluation["sets"], lives):
            one["life_returns"] = [game]
        (folder / "evaluation.json").write_text(json.dumps(evaluation))
    tree.run("procgen", "chaser", "rtrl", 0)
    results = load(tree.root)
    table = scores_table.build(results)
    assert table.text["Ours"].tolist()[0] == "6.00 ± 2.12"  # 7.5 and 4.5
    assert table.text["Per life"].tolist() == ["4.00 ± 1.41", "–"]  # 15 / 3 and 9 / 3
    assert table.numbers["evaluation_lives"].tolist() == [6, 0]
    table = table2.build(results)
    assert table.numbers["Source"].tolist()[3:] == ["ours", "ours, per life"]
    assert table.numbers["Breakout, M=50"].tolist()[3:] == ["6.00 ± 2.12", "4.00 ± 1.41"]
    assert table.numbers["Chaser, M=50"].tolist()[3:] == ["2.00", "–"]
    assert all("every lost life" in each.notes[-1] for each in (table, scores_table.build(results)))


def test_a_run_whose_lives_do_not_add_up_is_left_out(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0, returns=[5.0])
    evaluation = json.loads((folder / "evaluation.json").read_text())
    evaluation["sets"][0]["life_returns"] = [[2.0, 2.0]]
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    assert "life_returns that add up" in load(tree.root)["problems"]["reason"].item()


@pytest.mark.parametrize("evaluation", [{"sets": 3, "episodes": 100}, {"sets": 5, "episodes": 30}])
def test_both_the_papers_texts_and_its_codes_evaluation_of_atari_are_comparable(tree, evaluation):
    tree.run("atari", "breakout", "rtrl", 0, fraction=1.0, evaluation={**evaluation, "max_steps": None})
    assert scores(tree)["verdict"].iloc[0] == "no interval from a single seed"


def test_table2_gives_settings_that_collide_rows_of_their_own(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[1])
    tree.run("atari", "breakout", "rtrl", 1, returns=[7], hidden=128)
    frame = table2.build(load(tree.root)).numbers
    assert frame["Breakout, M=50"].iloc[3:].tolist() == ["1.00", "7.00"]
    assert frame["Differs in"].iloc[3:].tolist() == ["hidden 256", "hidden 128"]


def test_table1_sets_two_levels_side_by_side_where_their_settings_differ_in_the_same(tree):
    for level, score in (("rooms_select_nonmatching_object", 1), ("rooms_watermaze", 5)):
        tree.run("dmlab", level, "rtrl", 0, returns=[score])
        tree.run("dmlab", level, "rtrl", 1, returns=[score + 1], hidden=128)
    tree.run("dmlab", "rooms_watermaze", "rtrl", 2, returns=[9], hidden=64)
    rows = table1.build(load(tree.root)).numbers.query("Source.str.startswith('ours')").set_index("Differs in")
    assert rows["rooms_watermaze"].to_dict() == {"hidden 256": "5.00", "hidden 128": "6.00", "hidden 64": "9.00"}
    assert rows["rooms_select_nonmatching_object"].to_dict() == {
        **{"hidden 256": "1.00", "hidden 128": "2.00", "hidden 64": "–"}
    }


def test_table1_says_why_dmlab_has_no_rows(tree):
    tree.missing(("rooms_watermaze", "dmlab", "no simulator", "install it"))
    frame = table1.build(load(tree.root)).numbers
    assert frame["Beside the paper"].iloc[-1] == "no runs: no simulator"
    assert frame.loc[frame["Method"] == "IMPALA", "rooms_watermaze"].tolist() == ["26.9", "47.0"]
    assert frame.loc[(frame["Method"] == "RTRL") & (frame["M"] == "10"), "rooms_watermaze"].item() == "40.2 ± 5.6"


def test_table2_says_of_keys_doors_why_it_is_missing_and_not_why_another_level_is(tree):
    tree.run("procgen", "chaser", "rtrl", 0)
    tree.missing(("rooms_watermaze", "dmlab", "no water", "dig"))
    assert table2.build(load(tree.root)).notes[0] == "No row of ours for keys_doors: no finished run at this scale."
    tree.missing(
        ("rooms_watermaze", "dmlab", "no water", "dig"), ("rooms_keys_doors_puzzle", "dmlab", "no key", "forge")
    )
    assert table2.build(load(tree.root)).notes[0] == "No row of ours for keys_doors: no key."


def test_every_published_score_of_the_paper_is_in_its_table(tree):
    values = paper.values()
    results = load(tree.root)
    for name, table in (("table1", table1), ("table2", table2)):
        text = table.build(results).numbers.to_csv()
        shown = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
        assert set(values.loc[values["table"] == name, "score"]) <= shown


def test_memory_table_has_success_rates(small):
    frame = memory_study.build(small).numbers
    rows = frame[(frame["environment"] == "tmaze") & (frame["delay"] == 20) & (frame["retention"] == 20)]
    rows = rows[rows["layers"] == 1]
    assert rows["method"].tolist() == ["TBPTT", "TBPTT (window 20)", "full BPTT", "RTRL"]
    assert rows["mean"].tolist() == pytest.approx([0.5, 0.9, 1.0, 0.97])


def test_an_environment_in_suite_memory_that_is_no_task_of_its_study_is_among_the_scores(tree):
    """As docs/extending.md's own: no delay, and up to 20 points an episode."""
    for method in ("tbptt", "rtrl"):
        for seed in range(3):
            returns = [12.0 + seed, 14.0]
            tree.run(
                "memory", "levers", method, seed, returns=returns, fraction=None, environment_options={"pulls": 20}
            )
    results = load(tree.root)
    with pytest.raises(NothingToShow, match="no finished runs"):
        memory_study.build(results)
    assert scores_table.build(results).text["Environment"].tolist() == ["levers, pulls 20"] * 2
    (said,) = verdicts.build(results).text["Verdict, uncorrected"]
    assert said == "no difference seen"


def test_memory_table_tells_options_apart(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    tree.memory("tmaze", 3, "rtrl", 0, 0.5, environment_options={"delay": 3, "noise": 0.5})
    table = memory_study.build(load(tree.root))
    assert table.text["Task"].tolist() == ["T-maze, noise 0.5", "T-maze"]
    assert table.numbers["mean"].tolist() == [0.5, 1.0]


def test_sequence_task_table(small):
    frame = sequence_tasks.build(small).numbers.set_index("method")
    assert frame.loc["RTRL", ["accuracy_mean", "solved", "steps_to_solve_median", "n"]].tolist() == [1.0, 3, 400, 3]
    assert frame.loc["TBPTT (window 5)", "solved"] == 0
    assert np.isnan(frame.loc["TBPTT (window 5)", "steps_to_solve_median"])


def test_throughput_table(small):
    frame = throughput.build(small).numbers
    row = frame[(frame["environment"] == "breakout") & (frame["method"] == "RTRL")].iloc[0]
    assert row[["steps_per_s_median", "steps_per_s_min", "steps_per_s_max", "wall_s_sum"]].tolist() == [
        1001.0,
        1000.0,
        1002.0,
        183.0,
    ]


def test_frozen_and_learning_stems_and_precisions_are_timed_apart(tree):
    stem = {"run": "a", "fingerprint": "0123456789ab", "env_frames": 10}
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("atari", "breakout", "rtrl", 1, record={"pretrained": stem})
    tree.run("atari", "breakout", "rtrl", 2, precision="bfloat16", deterministic=False, features=64)
    assert sorted(throughput.build(load(tree.root)).text["Network"]) == [
        "impala (256 features), hidden 256, batch 32, float32, deterministic",
        "impala (256 features, frozen), hidden 256, batch 32, float32, deterministic",
        "impala (64 features), hidden 256, batch 32, bfloat16",
    ]


def test_rows_that_would_look_alike_say_in_what_they_differ(tree):
    for seed, hidden in enumerate((64, 128)):
        tree.run("atari", "breakout", "rtrl", seed, hidden=hidden)
        tree.memory("tmaze", 3, "rtrl", seed, 1.0, hidden=hidden)
        tree.two_layers("rtrl_l2", seed, 1.0, hidden=hidden)
    results = load(tree.root)
    for table in (scores_table, memory_study, two_layers):
        made = table.build(results)
        assert set(made.text["Differs in"]) == {"hidden 128", "hidden 64"}, table
        assert "config" not in made.numbers
    noted = {item.module for item, made in tables.build(results) if any("Differs in" in note for note in made.notes)}
    assert noted == {table2, scores_table, memory_study, two_layers}


def test_rows_of_which_other_columns_tell_all_have_no_such_column(tree):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    tree.memory("tmaze", 3, "rtrl", 1, 1.0, retention=None, env_steps=80_000)
    assert "Differs in" not in memory_study.build(load(tree.root)).text


def expected_files():
    """What the docstring of analysis.tables promises."""
    files = {f"{name}.{suffix}" for name in kinds.names("tables") for suffix in ("csv", "md", "tex", "rst")}
    return files | {
        f"{name}.csv"
        for name in ("runs", "pretraining", "measured", "evaluations", "sequence_runs", "stems", "problems")
    }


def test_command_writes_the_promised_files(written):
    folder = written / "tables"
    assert {path.name for path in folder.iterdir()} == expected_files()
    for name in kinds.names("tables"):
        assert not pd.read_csv(folder / f"{name}.csv").empty
    assert len(pd.read_csv(folder / "runs.csv")) == 114
    assert len(pd.read_csv(folder / "problems.csv")) == 1


def test_command_writes_the_promised_files_without_any_run(tree, tmp_path):
    assert tables.main(["--runs", str(tree.root), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected_files()
    assert pd.read_csv(tmp_path / "out/memory_study.csv")["note"].tolist() == ["no finished runs of the memory tasks"]


def test_command_is_deterministic(tree, tmp_path):
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("atari", "breakout", "tbptt", 0, returns=[0, 5])
    for name in ("a", "b"):
        tables.main(["--runs", str(tree.root), "--out", str(tmp_path / name)])
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in expected_files())


def test_latex_is_plain_ascii_with_as_many_cells_in_every_row(written):
    for name in kinds.names("tables"):
        text = (written / "tables" / f"{name}.tex").read_text()
        assert text.isascii()
        body = text[text.index("\\toprule") : text.index("\\bottomrule")]
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        of_longtable = (r"\caption", r"\multicolumn")  # its second caption and foot
        cells = {len(re.findall(r"(?<!\\)&", row)) for row in rows if not row.startswith(of_longtable)}
        assert len(cells) == 1


def test_smoke_tables_say_that_they_mean_nothing(make_tree, tmp_path):
    tree = make_tree(tmp_path / "smoke")
    tree.run("atari", "breakout", "rtrl", 0)
    tables.main(["--runs", str(tree.root), "--out", str(tmp_path / "out")])
    for name in kinds.names("tables"):
        assert "smoke: numbers mean nothing" in (tmp_path / "out" / f"{name}.md").read_text()


def test_command_names_the_runs_that_it_leaves_out(tree, tmp_path, capsys):
    (tree.run("atari", "breakout", "rtrl", 0) / "run.json").unlink()
    tables.main(["--runs", str(tree.root), "--out", str(tmp_path)])
    assert "left out: runs/reinforcement/breakout/rtrl/M50/seed0: run.json is missing" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "problems.csv")) == 1


def test_command_refuses_a_folder_that_does_not_exist(tmp_path, capsys):
    assert tables.main(["--runs", str(tmp_path / "nothing"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("item", kinds.items("tables"), ids=lambda item: item.name)
def test_every_table_has_a_title_and_a_caption_of_its_own(item):
    assert 3 < len(item.title) < 70
    assert len(item.caption) > 80


def test_fidelity_table_shows_the_measured_errors(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    pd.DataFrame(
        [["rooms_watermaze", "players", 5, 8787, 1, 0.0, 2.8748, 3.3, 12.24, 9, 8, 9]],
        columns=[
            *(
                "level",
                "recordings",
                "episodes",
                "steps",
                "steps_left_out",
                "yaw_error_max_degrees",
                "position_error_free_max",
            ),
            *("position_error_median", "position_error_p95", "rewards_recorded", "rewards_at_the_same_step"),
            "rewards_within_a_step",
        ],
    ).to_csv(tree.root / "rooms_fidelity.csv", index=False)
    table = rooms_fidelity.build(load(tree.root))
    assert table.numbers["position_error_free_max"].tolist() == [2.8748]
    positions = ["2.875", "3.300", "12.240"]
    rewards = ["8 of 9", "9 of 9"]
    assert table.text.iloc[0].tolist()[1:] == ["players", "5", "8787 (1 left out)", "0.0000°", *positions, *rewards]


def test_fidelity_table_says_when_nothing_was_measured(small):
    with pytest.raises(NothingToShow, match="not measured"):
        rooms_fidelity.build(small)
