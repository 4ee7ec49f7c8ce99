"""Run folders to data frames; nothing is dropped without a reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import yaml

from analysis import overview
from analysis.load import LoadError, load


def problem(tree):
    """The reason of the only run that was left out."""
    problems = load(tree.root)["problems"]
    assert len(problems) == 1
    return problems["reason"].iloc[0]


def edit(folder, **changes):
    """Change keys of a run's record."""
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | changes))


def test_score_of_a_run_is_the_mean_over_all_its_episodes(tree):
    tree.run("atari", "breakout", "rtrl", 0, returns=[1, 2, 3, 10])
    results = load(tree.root)
    assert results["runs"]["score"].tolist() == [4.0]
    assert results["runs"]["evaluation_episodes"].tolist() == [4]
    assert results["evaluations"]["return_mean"].tolist() == [1.5, 3.0, 10.0]


def test_small_tree_is_complete(small):
    assert small.scale == "laptop"
    frames = ("runs", "sequence_runs", "studies", "index", "problems")
    assert [len(small[name]) for name in frames] == [114, 6, 1, 121, 0]
    assert set(small["curves"].columns) >= {"folder", "env_frames", "episodes", "episode_return_mean"}


def test_identity_comes_from_the_record_and_not_from_the_path(tree):
    folder = tree.memory("tmaze", 20, "tbptt_w20", 3, 0.5)
    shutil.move(folder, tree.root / "runs" / "elsewhere")
    run = load(tree.root)["runs"].iloc[0]
    assert run[["environment", "method", "delay", "unroll", "seed"]].tolist() == [
        *("tmaze", "TBPTT (window 20)", 20, 5, 3)
    ]


def test_runs_that_differ_in_seed_and_machine_alone_share_a_setting(tree):
    tree.run("atari", "breakout", "rtrl", 0)
    tree.run("atari", "breakout", "rtrl", 1, threads=2)
    tree.run("atari", "breakout", "rtrl", 2, hidden=128)
    settings = load(tree.root)["runs"]["setting"]
    assert settings[0] == settings[1] != settings[2]


def test_runs_on_different_backends_are_not_pooled(tree):
    tree.run("dmlab", "rooms_watermaze", "rtrl", 0)
    tree.run("dmlab", "rooms_watermaze", "rtrl", 1, record={"backend": "deepmind_lab 1.0"})
    assert load(tree.root)["runs"]["setting"].nunique() == 2


def test_rtrl_and_tbptt_at_equal_settings_share_a_pairing(tree):
    for method in ("rtrl", "tbptt", "feedforward"):
        tree.run("atari", "breakout", method, 0)
    pairing = load(tree.root)["runs"].set_index("method")["pairing"]
    assert pairing["RTRL"] == pairing["TBPTT"] != pairing["Feedforward"]


def test_memory_runs_that_differ_in_method_delay_and_retention_alone_share_a_design(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 0.5)
    tree.memory("tmaze", 3, "bptt", 1, 0.5, retention=None)
    tree.memory("tmaze", 20, "rtrl", 2, 0.5, hidden=7)
    tree.memory("tmaze", 20, "rtrl", 0, 0.5, environment_options={"delay": 20, "noise": 0.5})
    designs = load(tree.root)["runs"].sort_values("folder")["design"]
    assert designs.nunique() == 3
    assert designs.value_counts().max() == 2


def test_runs_that_the_scale_does_not_list_are_left_out(tree):
    kept = [tree.run("atari", "breakout", "rtrl", 0), tree.memory("tmaze", 3, "rtrl", 0, 1.0)]
    copies = [tree.copy_task(50, "rtrl", 0, 1.0, 400)]
    old = [tree.run("atari", "breakout", "rtrl", 1), tree.copy_task(50, "rtrl", 1, 1.0, 400)]
    tree.scale(*kept, *copies)
    results = load(tree.root)
    assert set(results["runs"]["folder"]) == {path.relative_to(tree.root).as_posix() for path in kept}
    assert len(results["sequence_runs"]) == 1
    assert set(results["problems"]["folder"]) == {path.relative_to(tree.root).as_posix() for path in old}
    assert set(results["problems"]["reason"]) == {"not part of this scale"}


def test_a_listed_run_without_a_folder_has_not_finished(tree):
    tree.scale(tree.root / "runs/reinforcement/breakout/rtrl/M50/seed0")
    assert "run.json is missing: the run has not finished" in problem(tree)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"studies": {"one": 1}}'])
def test_a_damaged_list_of_runs_is_refused(tree, text):
    (tree.root / "scale.json").write_text(text)
    with pytest.raises(LoadError, match=r"scale\.json: "):
        load(tree.root)


@pytest.mark.parametrize("text", ["{", '{"name": "x"}', '["x"]', '[{"name": "x"}]', "3"])
def test_a_damaged_list_of_what_is_missing_is_refused(tree, text):
    (tree.root / "missing.json").write_text(text)
    with pytest.raises(LoadError, match=r"missing\.json: "):
        load(tree.root)


def test_unfinished_run_is_listed(tree):
    (tree.run("atari", "breakout", "rtrl", 0) / "run.json").unlink()
    assert "run.json is missing: the run has not finished" in problem(tree)


@pytest.mark.parametrize("name", ["run.json", "evaluation.json"])
def test_cut_off_json_is_listed(tree, name):
    file = tree.run("atari", "breakout", "rtrl", 0) / name
    file.write_text(file.read_text()[:-20])
    assert f"{name} cannot be read" in problem(tree)


def test_unknown_schema_is_listed(tree):
    edit(tree.run("atari", "breakout", "rtrl", 0), schema=2)
    assert "expected an object with schema 1" in problem(tree)


def test_status_other_than_complete_is_listed(tree):
    edit(tree.run("atari", "breakout", "rtrl", 0), status="interrupted")
    assert "status is 'interrupted'" in problem(tree)


def test_record_without_a_key_is_listed(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    record = json.loads((folder / "run.json").read_text())
    del record["peak_bytes"]
    (folder / "run.json").write_text(json.dumps(record))
    assert problem(tree) == "run.json: no key peak_bytes"


def test_summary_that_contradicts_the_episodes_is_listed(tree):
    edit(tree.run("atari", "breakout", "rtrl", 0), evaluation={"mean": 99.0})
    assert problem(tree) == "evaluation.json has mean 2 but run.json says 99"


@pytest.mark.parametrize("sets", [[], [{"returns": [], "lengths": []}], [{"returns": [1.0], "lengths": []}]])
def test_evaluation_without_episodes_is_listed(tree, sets):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    (folder / "evaluation.json").write_text(json.dumps({"schema": 1, "sets": sets}))
    assert "evaluation.json" in problem(tree)


def test_evaluation_that_is_not_finite_is_listed(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    text = (folder / "evaluation.json").read_text().replace("1.0", "NaN")
    (folder / "evaluation.json").write_text(text)
    assert "finite returns" in problem(tree)


def test_curve_without_a_column_is_listed(tree):
    (tree.run("atari", "breakout", "rtrl", 0) / "curve.csv").write_text("env_frames,episodes\n1,2\n")
    assert problem(tree).startswith("curve.csv: no column episode_return_mean")


def test_record_of_another_configuration_is_listed(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"env_steps": 5, "threads": 7}))
    assert problem(tree) == "run.json was made from another configuration than config.yaml (env_steps)"


def test_a_configuration_that_spells_out_less_is_no_contradiction(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    part = {"environment": "breakout", "optimiser": {"alpha": 0.99}}
    (folder / "config.yaml").write_text(yaml.safe_dump(part))
    assert len(load(tree.root)["runs"]) == 1


def test_a_configuration_is_read_by_the_rules_of_the_harness(tree):
    folder = tree.run("atari", "breakout", "rtrl", 10, optimiser={"learning_rate": 6e-4})
    (folder / "config.yaml").write_text("seed: 010\noptimiser: {learning_rate: 6e-4}\n")
    assert len(load(tree.root)["runs"]) == 1


def test_the_same_run_in_two_folders_counts_once(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    shutil.copytree(folder, folder.with_name("copy"))
    assert len(load(tree.root)["runs"]) == 1
    assert problem(tree).startswith("same configuration and seed as")


def test_of_two_equal_runs_that_with_comparisons_of_gradients_counts_whatever_their_folders(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0, gradient_quality=0)
    (tree.root / "runs/reinforcement/tmaze_delay20").rename(tree.root / "runs/a")
    measured = tree.two_layers("rtrl", 0, 1.0, [0.9] * 10, gradient_quality=10)
    results = load(tree.root)
    assert results["runs"]["folder"].tolist() == [measured.relative_to(tree.root).as_posix()]
    assert len(results["problems"]) == 1


def test_a_lent_run_hides_no_result_of_the_same_settings(tree):
    lent = tree.run("atari", "breakout", "rtrl", 0)
    result = lent.with_name("z")
    shutil.copytree(lent, result)
    tree.scale(result, lent=[lent])
    results = load(tree.root)
    assert [len(results[name]) for name in ("runs", "pretraining", "problems")] == [1, 1, 0]


def test_a_suite_of_which_a_run_was_only_lent_is_among_those_without_a_run(tree):
    lent, result = tree.run("atari", "breakout", "rtrl", 0), tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    tree.scale(result, lent=[lent])
    absent = [row["suite"] for row in overview.absences(load(tree.root))]
    assert "Atari" in absent and "Memory tasks" not in absent


def memory_tasks(tree):
    """The environments of the memory study, and all others; no run is left out."""
    results = load(tree.root)
    assert results["problems"].empty
    return tuple(
        set(group["environment"])
        for group in (results["runs"][results["runs"]["memory_task"]], results["runs"][~results["runs"]["memory_task"]])
    )


@pytest.mark.parametrize("delay", [None, "long", True, [1, 2]])
def test_a_run_in_suite_memory_without_a_number_as_delay_is_a_run_like_any_other(tree, delay):
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    options = {} if delay is None else {"delay": delay}
    tree.run("memory", "levers", "rtrl", 0, returns=[1, 0], fraction=None, environment_options=options)
    assert memory_tasks(tree) == ({"tmaze"}, {"levers"})


def test_a_memory_task_with_the_default_delay_is_that_task_however_much_of_it_is_spelled_out(tree):
    for seed, options in enumerate([{}, {"delay": 10}, {"delay": 10, "noise": 0.1}]):
        tree.run("memory", "tmaze", "rtrl", seed, returns=[1, 0], fraction=None, environment_options=options)
    runs = load(tree.root)["runs"]
    assert runs["memory_task"].all()
    assert set(runs["delay"]) == {10} and set(runs["options"]) == {'{"delay": 10}'}
    assert runs[["setting", "pairing", "design", "other_options"]].nunique().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("returns", [[-1, -1, 1], [12, 15, 14]])
def test_an_environment_in_suite_memory_whose_score_is_no_success_rate_is_one_like_any_other(tree, returns):
    """With all of its runs, also those whose score might be one."""
    tree.memory("tmaze", 3, "rtrl", 0, 1.0)
    for seed, those in enumerate([returns, [0.5, 0.5, 0.5]]):
        tree.run("memory", "levers", "rtrl", seed, returns=those, fraction=None, environment_options={"delay": 3})
    assert memory_tasks(tree) == ({"tmaze"}, {"levers"})


def test_checkpoints_are_not_taken_for_runs(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "config.yaml").write_text("{}")
    assert load(tree.root)["problems"].empty


@pytest.mark.parametrize("place", ["runs", "runs/reinforcement", "."])
def test_a_folder_that_is_no_results_folder_is_refused_with_the_one_that_is_meant(tree, place):
    tree.run("atari", "breakout", "rtrl", 0)
    wrong = tree.root.parent if place == "." else tree.root / place
    with pytest.raises(LoadError, match=rf"^{wrong}: expected a results folder .*; did you mean {tree.root}\?$"):
        load(wrong)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(LoadError, match="expected a results folder"):
        load(tmp_path / "nothing")


def test_a_curve_with_a_word_for_a_number_is_listed(tree):
    folder = tree.run("atari", "breakout", "rtrl", 0)
    text = (folder / "curve.csv").read_text().splitlines()
    text[3] = text[3].replace(text[3].split(",")[0], "many", 1)
    (folder / "curve.csv").write_text("\n".join(text))
    assert problem(tree) == 'curve.csv, column env_frames: Unable to parse string "many" at position 2'


def test_the_harness_writes_the_columns_that_are_read():
    from rtrl_bench.experiments.reinforcement import loop
    from rtrl_bench.runs import gradient_quality

    assert {"env_frames", "episodes", "episode_return_mean"} <= set(loop.CURVE_COLUMNS)
    assert "cosine" in gradient_quality.MEASURED


def test_the_analysis_imports_no_torch_and_no_simulator():
    code = "import sys, analysis.report; assert not {'torch', 'jax', 'numba', 'gymnasium'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
