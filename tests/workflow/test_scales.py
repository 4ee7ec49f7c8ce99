"""Scales as data: what a file expands to, and what is refused before anything starts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gymnasium
import pytest
from small_scales import SETTINGS, copy_task, folders, small_scale

from rtrl_bench.envs import registry
from rtrl_bench.envs.registry import Availability
from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts import scales, targets
from workflow.scripts.inputs import summary

EXTENDING = Path(__file__).parents[2] / "docs" / "extending.md"


def test_a_study_is_every_combination(expand):
    scale = expand(small_scale(seeds=[0], study={"unroll": [5, 10], "vary": {"environment_options.delay": [4, 20]}}))
    assert sorted(folders(scale)) == [
        f"runs/reinforcement/tmaze_delay{delay}/{method}/M{unroll}/seed0"
        for delay in (20, 4)
        for method in ("rtrl", "tbptt")
        for unroll in (10, 5)
    ]


def test_later_keys_win_and_nested_keys_are_joined(expand):
    study = {"run": {"optimiser": {"learning_rate": 0.5}}, "environments": {"tmaze": {"env_steps": 7}}}
    config = expand(small_scale(study=study)).runs[0].config
    assert (config.env_steps, config.optimiser.epsilon, config.optimiser.learning_rate) == (7, 1e-5, 0.5)


def test_what_varies_besides_options_is_named_after_the_method(expand):
    scale = expand(small_scale(seeds=[3], study={"vary": {"retention": [None, 20]}, "methods": ["rtrl"]}))
    assert folders(scale) == [
        "runs/reinforcement/tmaze/rtrl_retentionnull/M5/seed3",
        "runs/reinforcement/tmaze/rtrl_retention20/M5/seed3",
    ]


def test_a_run_of_two_studies_is_made_once(expand):
    values = small_scale(seeds=[0], study={"run": {"retention": 20}, "methods": ["rtrl"]})
    values["studies"]["again"] = values["studies"]["memory"] | {"run": {}, "vary": {"retention": [5, 20]}}
    scale = expand(values)
    assert folders(scale) == [
        "runs/reinforcement/tmaze/rtrl/M5/seed0",
        "runs/reinforcement/tmaze/rtrl_retention5/M5/seed0",
    ]
    assert scale.studies["again"] == (scale.runs[1], scale.runs[0])


def test_two_runs_for_one_folder_are_refused(expand):
    values = small_scale()
    values["studies"]["other"] = values["studies"]["memory"] | {"run": {"hidden": 3}}
    with pytest.raises(ConfigError, match=r"studies\.other: .*tmaze/tbptt/M5/seed0 belongs to another run"):
        expand(values)


def _costs(**changes):
    """A scale with a small study of costs, valid but for the changes; `sweep` changes its only sweep."""
    sweep = {"axis": "hidden", "values": [4, 8], "methods": {"rtrl": None}} | changes.pop("sweep", {})
    return {"studies": {"costs": {"kind": "costs", "sweeps": {"width": sweep}} | changes}}


def test_a_study_of_costs_takes_all_cores(expand):
    values = small_scale(**_costs(resources={"mem_mb": 500, "runtime": 7}), run={"env_steps": 9, "threads": 3})
    scale = expand(values, device="cpu")
    (study,) = scale.studies["costs"]
    assert (study.job.mem_mb, study.job.runtime, study.config.threads) == (500, 7, 0)
    assert json.loads(summary(scale))["studies"]["costs"] == [scale.name_of(study)] == ["runs/costs/costs"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seedz": [1]}, "unknown key seedz: expected one of .*; did you mean seeds"),
        ({"study": {"method": ["rtrl"]}}, r"studies\.memory: unknown key method: .*; did you mean methods"),
        ({"run": {"env_step": 5}}, r"studies\.memory: unknown key env_step: .*; did you mean env_steps"),
        ({"run": {"env_steps": 5, "optimiser": {"lr": 1.0}}}, r"unknown key optimiser\.lr"),
        ({"threads": 4}, r"unknown key threads: .*run\.threads"),
        ({"seeds": [0, "one"]}, r"seeds\[1\] = 'one': expected an integer"),
        ({"seeds": [0, 1.5]}, r"seeds\[1\] = 1\.5: expected an integer"),
        ({"seeds": [-1]}, r"seeds\[0\] = -1: expected an integer in \[0"),
        ({"seeds": [1, 1]}, r"seeds = \[1, 1\]: expected values that differ"),
        ({"run": {"env_steps": -5}}, "env_steps = -5: expected an integer >= 1"),
        ({"run": {"env_steps": "many"}}, "env_steps = 'many': expected an integer"),
        ({"study": {"unroll": [0]}}, r"studies\.memory: unroll\[0\] = 0: expected an integer in \[1, 1048576\]"),
        ({"study": {"methods": "rtrl"}}, r"studies\.memory: methods = 'rtrl': expected a list"),
        ({"study": {"methods": ["rtlr"]}}, "unknown method 'rtlr': expected one of feedforward, tbptt"),
        ({"study": {"methods": ["tbptt_w10"], "unroll": [20]}}, "window = 10: expected at least unroll = 20"),
        ({"study": {"methods": ["tbptt_w10"], "unroll": [10]}}, r"methods\.tbptt_w10: at unroll 10 .* 'tbptt'"),
        ({"study": {"environments": {"tmase": None}}}, "unknown environment 'tmase': .*did you mean tmaze"),
        ({"study": {"vary": {"environment_options.dealy": [1]}}}, "unknown option 'dealy' .*did you mean delay"),
        ({"study": {"vary": {"retentoin": [20]}}}, "unknown key retentoin: .*did you mean retention"),
        ({"study": {"vary": {"loss": [None], "loss.discount": [0.9]}}}, r"vary\.loss\.discount: loss varies"),
        ({"label": None}, "label = None: expected text"),
        ({"studies": {"../up": {"kind": "costs"}}}, r"studies\.\.\./up: a study's name is a folder's; use letters"),
        ({"studies": {"costs": {"kind": "costs"}}}, r"studies\.costs: missing key sweeps"),
        (_costs(repeat=3), r"studies\.costs: unknown key repeat: .*did you mean repeats"),
        (_costs(sweep={"axis": "time"}), r"sweeps\.width\.axis = 'time': expected one of hidden"),
        (_costs(sweep={"values": [0]}), r"values\[0\] = 0: expected an integer >= 1"),
        (_costs(sweep={"values": [8, 4]}), r"sweeps\.width\.values = \[8, 4\]: expected ascending"),
        (_costs(sweep={"width": 3}), r"studies\.costs: unknown key sweeps\.width\.width"),
        (_costs(sweep={"methods": {"rtlr": None}}), r"sweeps\.width\.methods: unknown method 'rtlr'"),
        (copy_task(tasks={}), r"studies\.copy: tasks = {}: expected names, at least 1"),
        (copy_task(run={"hiden": 4}), "studies.copy: unknown key hiden: .*did you mean hidden"),
        (copy_task(tasks={"copie": None}), "studies.copy: unknown sequence task 'copie': .*did you mean copy"),
        (
            copy_task(vary={"task_options.lenght": [3]}),
            "studies.copy: task_options of task copy: unknown key lenght: .*did you mean length",
        ),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(expand, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        expand(small_scale(**change))
    assert str(caught.value).startswith("workflow/config/given.yaml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["null", "~", None])
def test_null_on_the_command_line_is_null(expand, word):
    """Snakemake hands over the word."""
    assert {run.config.threads for run in expand(small_scale(), threads=word).runs} == {0}


@pytest.mark.parametrize("name", ["config", "given"])
def test_a_key_that_stands_twice_is_refused_with_file_and_line(expand, tmp_path, name):
    expand(small_scale())
    path = tmp_path / f"{name}.yaml"
    path.write_text(path.read_text() + "\nmine: 1\nmine: 2\n")
    lines = len(path.read_text().splitlines())
    with pytest.raises(ConfigError, match=rf"{name}\.yaml: line {lines}: key mine stands in line"):
        scales.load_scale({"scale": "given", "results": str(tmp_path)})


def test_whole_floats_are_integers_wherever_they_stand(expand):
    resources = {"mem_mb": 2e3, "runtime": 1e1}
    values = small_scale(seeds=[1.0], resources=resources, run={"env_steps": 1e6}, study={"unroll": [1e1]})
    run = expand(values).runs[0]
    assert (run.config.env_steps, run.job.mem_mb, run.job.runtime) == (1_000_000, 2000, 10)
    assert run.folder.as_posix().endswith("tmaze/tbptt/M10/seed1")


def test_a_results_folder_that_snakemake_takes_for_a_number_is_refused_with_the_fix(expand):
    with pytest.raises(ConfigError, match=r"results = 2024: .*write \./ before it"):
        expand(small_scale(), results=2024)


def test_a_misspelt_key_of_the_command_line_is_named(expand):
    with pytest.raises(ConfigError, match=r"^config\.yaml or --config: unknown key scal: .*; did you mean scale\?"):
        expand(small_scale(), scal="smoke")


def test_a_missing_key_is_named(expand):
    values = small_scale()
    del values["studies"]["memory"]["unroll"]
    with pytest.raises(ConfigError, match=r"studies\.memory: missing key unroll"):
        expand(values)


def test_a_wrong_setting_of_the_command_line_is_named(expand):
    with pytest.raises(ConfigError, match="device = 'gpu': expected one of auto, cpu, cuda"):
        expand(small_scale(), device="gpu")


def test_a_target_outside_the_scale_stops_with_those_inside(expand, capsys):
    with pytest.raises(SystemExit) as caught:
        targets.runs(expand(small_scale()), "breakout")
    assert caught.value.code == 2
    assert "scale given has no runs of breakout: expected one of tmaze" in capsys.readouterr().err


def test_an_environment_whose_module_is_absent_is_left_out_and_ends_nothing(expand):
    absent = "gymnasium:nomod:Foo-v0"
    study = {"environments": {"tmaze": None, absent: {"environment_options": {"size": 3}}}}
    scale = expand(small_scale(study=study))
    assert {run.config.environment for run in scale.runs} == {"tmaze"}
    (missing,) = scale.missing
    assert (missing.name, missing.suite) == (absent, "gymnasium")
    assert "Python module nomod cannot be imported" in missing.reason
    assert "install the package that has it" in missing.fix


def test_an_environment_that_runs_with_its_options_alone_is_not_left_out(expand):
    def room(size):
        return gymnasium.make("FrozenLake-v1").unwrapped

    gymnasium.register("TestRoom-v0", room)
    study = {"environments": {"gymnasium:TestRoom-v0": {"environment_options": {"size": 3}}}}
    assert not expand(small_scale(study=study)).missing


def test_a_target_without_simulator_stops_with_the_fix(expand, monkeypatch, capsys):
    gone = Availability(False, reason="libmaze is not installed", fix="install libmaze")
    monkeypatch.setattr(registry, "check_available", lambda name, *more: gone)
    with pytest.raises(SystemExit) as caught:
        targets.runs(expand(small_scale()), "memory")
    assert caught.value.code == 2
    assert "error: cannot run here: tmaze: libmaze is not installed. Fix: install libmaze" in capsys.readouterr().err


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "dangling link"])
def test_a_results_folder_that_cannot_be_made_is_named(expand, tmp_path, make):
    make(tmp_path / "there")
    with pytest.raises(ConfigError, match=r"results folder .*there/given: cannot be made.*--config results=DIR"):
        expand(small_scale(), results=str(tmp_path / "there"))


def test_a_results_folder_in_the_home_folder_is_there(expand, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand(small_scale(), results="~/mine").folder == tmp_path / "mine/given"


def test_a_results_folder_that_snakemake_would_take_for_a_pattern_is_refused(expand):
    with pytest.raises(ConfigError, match=r"results folder 'res\{1\}/given': expected a name without braces"):
        expand(small_scale(), results="res{1}")


@pytest.mark.parametrize("name", scales.names())
def test_every_scale_of_the_project_is_valid(name):
    scale = scales.load_scale(SETTINGS | {"scale": name})
    assert {run.kind.name for run in scale.runs} >= {"reinforcement", "sequences", "costs"}


def test_how_near_the_embedded_levels_are_is_measured_where_a_scale_has_some():
    assert targets.fidelity(scales.load_scale(SETTINGS | {"scale": "laptop"}))


def test_how_near_the_embedded_levels_are_is_not_measured_where_a_scale_has_none(expand):
    assert not targets.fidelity(expand(small_scale(**copy_task())))


def test_the_paper_scale_is_the_papers_protocol():
    scale = scales.load_scale(SETTINGS | {"scale": "paper"})
    games = [run.config for run in scale.runs if run.targets[0] in ("atari", "procgen")]
    found = {(c.environment, c.method, c.unroll, c.seed) for c in games}
    atari = ("breakout", "gravitar", "mspacman", "qbert", "seaquest")
    panels = [(game, 50) for game in atari] + [("chaser", 5), ("chaser", 50)]
    methods = ("feedforward", "tbptt", "rtrl")
    expected = {(game, method, m, seed) for game, m in panels for method in methods for seed in (0, 1, 2)}
    assert found <= expected  # fewer where a simulator is missing
    assert {game for game in expected if game[0] in atari} <= found
    assert {(c.env_steps, c.hidden, c.features, c.vision, c.batch) for c in games} == {
        (200_000_000, 256, 256, "impala", 32)
    }
    agents = [run for run in scale.runs if run.kind.name == "reinforcement" and run.targets[0] != "memory"]
    plans = {(run.targets[0], *vars(run.config.evaluation).values()) for run in agents}
    assert plans <= {("atari", 5, 30, None), ("procgen", 3, 200, None), ("dmlab", 3, 100, None)}
    assert ("atari", 5, 30, None) in plans
    copies = {
        (c.config.task_options["length"], c.config.batch, c.config.hidden, c.config.steps)
        for study in ("copy_task", "copy_task_500")
        for c in scale.studies[study]
    }
    assert copies == {(50, 128, 2048, 4_000_000), (500, 128, 2048, 40_000_000)}
    lasting = {c.last_reward_across_episodes for c in games}
    assert lasting == {True}


def test_the_smoke_scale_stays_small():
    scale = scales.load_scale(SETTINGS | {"scale": "smoke"})
    assert len(scale.runs) <= 50


def test_the_scale_of_the_documentation_expands(expand, tmp_path):
    text = EXTENDING.read_text()
    path = tmp_path / "afternoon.yaml"
    path.write_text(re.search(r"<!-- tested: afternoon.yaml -->\n```yaml\n(.*?)```", text, re.DOTALL).group(1))
    assert len(expand(load_yaml(path)).runs) == 2 * 3 * 3


def test_films_show_every_seed_of_rtrl_where_it_trained_longest_in_each_environment_of_images():
    settings = {**load_yaml("workflow/config/config.yaml"), "scale": "laptop", "results": "results"}
    assert set(targets.films(scales.load_scale(settings))) == {
        f"results/laptop/runs/reinforcement/{name}/rtrl/M{unroll}/seed{seed}/film.gif"
        for name, unroll, seeds in (
            ("rooms_select_nonmatching_object", 10, 3),
            ("rooms_watermaze", 100, 1),
            ("rooms_keys_doors_puzzle", 100, 1),
            *((game, 50, 1) for game in ("breakout", "gravitar", "mspacman", "qbert", "seaquest", "chaser")),
        )
        for seed in range(seeds)
    }
