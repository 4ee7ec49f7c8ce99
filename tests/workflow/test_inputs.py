"""What runs start from: asked for by content, so that a changed wish is a file that is not there yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_scales import small_scale

from rtrl_bench.envs import registry
from rtrl_bench.envs.registry import Availability
from rtrl_bench.runs.settings import dump
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts.inputs import Inputs, finished, summary

ONE_RUN = {"seeds": [0], "study": {"methods": ["rtrl"]}}
COPY_TASK = {
    "kind": "sequences",
    "tasks": {"copy": {"task_options": {"length": 5}}},
    "methods": {"rtrl": None},
    "run": {"steps": 9, "hidden": 4},
}
COSTS = {"kind": "costs", "sweeps": {"width": {"axis": "hidden", "values": [4, 8], "methods": {"rtrl": None}}}}


def write(inputs, name):
    """Do what the rule `input_file` does."""
    path = Path(inputs.file(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.iterdir():
        old.unlink()
    path.write_text(text(inputs, path))
    return path


def text(inputs, path):
    """What the rule `input_file` writes into this file."""
    return inputs.text(path.parent.relative_to(inputs_folder(path)).as_posix(), path.stem)


def inputs_folder(path):
    return next(folder for folder in path.parents if folder.name == "inputs")


def finish(run):
    """Leave the files of a finished run."""
    run.folder.mkdir(parents=True, exist_ok=True)
    record = {"status": "complete", "fingerprint": run.config.fingerprint()}
    for name in run.outputs:
        (run.folder / name).write_text(json.dumps(record))


@pytest.mark.parametrize("study", ["memory", "copy", "costs"])
def test_a_run_starts_from_its_whole_configuration(expand, study):
    scale = expand(small_scale(**ONE_RUN, studies={"copy": COPY_TASK, "costs": COSTS}))
    (run,), inputs = scale.studies[study], Inputs(scale)
    assert write(inputs, scale.name_of(run)).read_text() == dump(run.config)


def test_a_changed_configuration_is_another_file(expand):
    first, second = (Inputs(expand(small_scale(**ONE_RUN, run={"env_steps": steps}))) for steps in (100, 200))
    assert first.file(first.names[0]) != second.file(second.names[0])


@pytest.mark.parametrize("study", ["memory", "costs"])
def test_a_finished_run_keeps_what_it_started_from_when_only_the_machine_differs(expand, study):
    values = small_scale(**ONE_RUN, studies={"costs": COSTS})
    first, second = (expand(values, device=device) for device in ("cpu", "cuda"))
    (run,) = first.studies[study]
    name = first.name_of(run)
    made = write(Inputs(first), name)
    assert Inputs(second).file(name) != str(made)
    finish(run)
    assert Inputs(second).file(name) == str(made)
    assert text(Inputs(second), made) == dump(run.config)


@pytest.mark.parametrize("record", ["", '{"status": "complete", "fingerprint": "0123456789ab"}'])
def test_a_record_that_is_damaged_or_anothers_asks_for_the_run_again(expand, record):
    scale = expand(small_scale(**ONE_RUN))
    run, inputs = scale.runs[0], Inputs(scale)
    made = write(inputs, scale.name_of(run))
    finish(run)
    (run.folder / "run.json").write_text(record or "{")
    again = write(inputs, scale.name_of(run))
    assert again != made
    assert again.read_text() == dump(run.config)
    (run.folder / "run.json").unlink()  # as Snakemake does before it makes the run, maybe on another machine
    assert inputs.file(scale.name_of(run)) == str(again)
    finish(run)
    assert inputs.file(scale.name_of(run)) == str(again)


def test_a_run_that_was_finished_elsewhere_keeps_its_own_configuration(expand):
    scale = expand(small_scale(**ONE_RUN))
    run, inputs = scale.runs[0], Inputs(scale)
    finish(run)
    (run.folder / "config.yaml").write_text(dump(run.config))
    assert inputs.file(scale.name_of(run)) == str(run.folder / "config.yaml")


def test_a_finished_run_is_not_given_what_was_wanted_in_between(expand):
    first, second = (expand(small_scale(**ONE_RUN, run={"env_steps": steps})) for steps in (100, 200))
    name = first.name_of(first.runs[0])
    finish(first.runs[0])
    write(Inputs(second), name)  # and then the old wish again, before anything was trained
    assert load_yaml(write(Inputs(first), name))["env_steps"] == 100


def test_a_finished_run_keeps_what_it_started_from_when_another_one_was_wanted_in_between(expand):
    first, second = (expand(small_scale(**ONE_RUN, run={"env_steps": steps})) for steps in (100, 200))
    name = first.name_of(first.runs[0])
    made = write(Inputs(first), name)
    finish(first.runs[0])
    write(Inputs(second), name)
    assert Inputs(first).file(name) == str(made)


def test_a_run_that_has_been_made_again_from_the_same_configuration_keeps_what_that_started_from(expand):
    scale = expand(small_scale(**ONE_RUN))
    run, inputs = scale.runs[0], Inputs(scale)
    name = scale.name_of(run)
    for number in range(3):  # by digest the later file may come before or behind the earlier one
        finish(run)
        (run.folder / "curve.csv").unlink()
        record = json.loads((run.folder / "run.json").read_text())
        (run.folder / "run.json").write_text(json.dumps(record | {"number": number}))
        again = write(inputs, name)
        finish(run)
        assert inputs.file(name) == str(again)


@pytest.mark.parametrize("name", ["curve.csv", "gradient.csv", "evaluation.json", "run.json"])
def test_a_run_without_one_of_its_files_is_not_finished(expand, name):
    run = expand(small_scale(**ONE_RUN, run={"env_steps": 100, "gradient_quality": 3})).runs[0]
    finish(run)
    assert finished(run)
    (run.folder / name).unlink()
    assert not finished(run)


@pytest.mark.parametrize("record", ["", "{}", '{"status": "complete", "fingerprint": "0123456789ab"}'])
def test_a_run_whose_record_is_damaged_or_anothers_is_not_finished(expand, record):
    run = expand(small_scale(**ONE_RUN)).runs[0]
    finish(run)
    (run.folder / "run.json").write_text(record)
    assert not finished(run)


def test_the_list_of_runs_has_those_that_can_be_made_here_or_are_finished(expand, monkeypatch):
    values = small_scale(seeds=[0], study={"environments": {"tmaze": None, "delayed_match": None}})
    everywhere = expand(values)
    there, gone = Availability(True), Availability(False, reason="no match", fix="find one")
    monkeypatch.setattr(registry, "check_available", lambda name, *more: there if name == "tmaze" else gone)
    finish(next(run for run in everywhere.runs if "delayed_match/rtrl" in run.folder.as_posix()))
    listed = json.loads(summary(expand(values)))["studies"]["memory"]
    names = ["tmaze/tbptt", "tmaze/rtrl", "delayed_match/rtrl"]
    assert listed == [f"runs/reinforcement/{name}/M5/seed0" for name in names]


def test_a_changed_list_of_runs_is_another_file(expand):
    first, second = (Inputs(expand(small_scale(seeds=seeds))) for seeds in ([0], [0, 1]))
    assert first.file("scale") != second.file("scale")
