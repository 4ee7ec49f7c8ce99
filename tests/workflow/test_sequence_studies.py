"""Studies of sequence tasks: which runs they make, what their methods may be called, and how they are tuned."""

from __future__ import annotations

import json

import pytest
from small_scales import copy_task, small_scale

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.sequences.config import SequenceConfig
from workflow.scripts.inputs import summary


def test_copy_task_runs_have_their_folder_and_the_keys_of_all_parts(expand):
    task = copy_task(
        tasks={"copy": {"hidden": 8}},
        methods={"tbptt": {"gradient": "tbptt", "window": 2}},
        vary={"task_options.length": [3, 5], "learning_rate": [0.01]},
    )
    scale = expand(small_scale(**task, seeds=[7], run={"env_steps": 9, "threads": 3}))
    runs = scale.studies["copy"]
    folders = [scale.name_of(run) for run in runs]
    assert folders == [f"runs/sequences/copy/copy_length{length}/tbptt_learning_rate0.01/seed7" for length in (3, 5)]
    common = {"steps": 9, "hidden": 8, "seed": 7, "threads": 3, "learning_rate": 0.01}
    expected = SequenceConfig(task="copy", task_options={"length": 5}, gradient="tbptt", window=2, **common)
    assert runs[1].config == expected


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"tbptt": None}, "studies.copy: methods.tbptt: gradient is rtrl; add gradient: tbptt, or choose another name"),
        ({"bptt": {"gradient": "tbptt"}}, "studies.copy: methods.bptt: window is None; add window: episode"),
    ],
)
def test_a_method_of_a_sequence_study_that_is_called_like_another_gradient_is_refused(expand, methods, message):
    with pytest.raises(ConfigError, match=message):
        expand(small_scale(**copy_task(methods=methods)))


def _tuned(**changes):
    """A copy task by two methods, of which each is tuned."""
    methods = {"rtrl": {"learning_rate": 0.01}, "tbptt": {"gradient": "tbptt", "learning_rate": 0.1}}
    tune = {"learning_rates": [0.01, 0.1], "seeds": [100, 101]} | changes
    run = {"steps": 9, "hidden": 4, "gradient_quality": 3, "test_options": [{"length": 2}]}
    return copy_task(methods=methods, seeds=[0, 1], tune=tune, run=run)


def test_every_method_is_tuned_by_the_same_learning_rates_and_seeds_which_are_no_results(expand):
    scale = expand(small_scale(**_tuned()))
    runs = {scale.name_of(run): run for run in scale.studies["copy"]}
    grid = [f"learning_rate{rate}/seed{seed}" for rate in (0.01, 0.1) for seed in (100, 101)]
    places = {f"runs/sequences/copy/copy/{method}/{place}" for method in ("rtrl", "tbptt") for place in grid}
    assert {place for place, run in runs.items() if run.lent} == places
    assert set(json.loads(summary(scale))["lent"]) == places
    tried = runs["runs/sequences/copy/copy/tbptt/learning_rate0.01/seed101"].config
    result = runs["runs/sequences/copy/copy/tbptt/seed0"].config
    less = {"gradient_quality": 0, "test_options": []}
    assert tried == result.model_copy(update={"learning_rate": 0.01, "seed": 101, **less})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": [1, 2]}, r"studies\.copy: tune\.seeds: the result has \[1\] too"),
        ({"learning_rates": [0.01, 0.02]}, r"studies\.copy: learning_rate = 0.1 of tbptt: expected one of 0.01, 0.02"),
    ],
)
def test_what_cannot_tune_a_study_is_refused(expand, change, message):
    with pytest.raises(ConfigError, match=message):
        expand(small_scale(**_tuned(**change)))
