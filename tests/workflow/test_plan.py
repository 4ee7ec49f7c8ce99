"""What `snakemake plan` says: numbers of runs, frames, and hours from known or measured speeds."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import torch
from small_scales import SETTINGS

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import costs, kind_of, reinforcement
from rtrl_bench.experiments.costs.config import ComplexityConfig, MethodConfig, SweepConfig
from rtrl_bench.experiments.reinforcement.config import EvaluationConfig, PretrainedConfig, RunConfig
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.kind import Lack
from rtrl_bench.runs.settings import replace, to_dict
from workflow.scripts import plan
from workflow.scripts.jobs import Job
from workflow.scripts.scales import Run, Scale, load_scale

CONFIG = RunConfig(environment="tmaze", vision="flat", env_steps=36_000, unroll=5, threads=1)
COPY = SequenceConfig(task="copy", task_options={"length": 5}, steps=36_000, hidden=4, threads=1)


@pytest.fixture
def scale(tmp_path):
    """Make a scale of the given runs in results/<name>; those with a speed are finished."""

    def make(name, runs, missing=()):
        made = []
        for place, (config, per_s) in runs.items():
            job = Job(mem_mb=100, runtime=1, threads=config.threads, gres="", time_limit=None)
            run = Run(tmp_path / name / "runs" / place, kind_of(config), config, job, lent="pretrain" in place)
            made.append(run)
            if per_s:
                _finish(run, per_s)
        folder, studies = tmp_path / name, {"study": tuple(made)}
        return Scale(name, f"label of {name}", folder, studies, tuple(made), tuple(missing), time_limit=None)

    return make


def _finish(run, per_s):
    amount = run.kind.amount(run.config)
    record = {
        "kind": run.kind.name,
        "status": "complete",
        "fingerprint": run.config.fingerprint(),
        "config": to_dict(run.config),
        **dict.fromkeys(("updates", "env_steps", "points"), amount),
        "wall_s": amount / per_s,
        "device": "cpu",
    }
    run.folder.mkdir(parents=True)
    for name in run.outputs:
        (run.folder / name).write_text(json.dumps(record))


@pytest.fixture
def asked(monkeypatch):
    """The configurations that were measured; each gives 10 steps or updates per second."""
    configs = []

    def measure(run, cores):
        configs.append(run.config)
        return 10.0

    monkeypatch.setattr(plan, "measure", measure)
    monkeypatch.setattr(plan, "START_SECONDS", 0.0)
    monkeypatch.setattr(reinforcement, "EVALUATION", 0.0)
    return configs


def planned(scale, cores):
    """The plan's one study."""
    (part,) = plan.parts(plan.make_plan(scale, cores))
    return part


def text(scale, cores):
    """What the plan says."""
    return plan.describe(plan.make_plan(scale, cores))


def test_hours_are_steps_over_measured_speed(scale, asked):
    folder = scale("mine", {"a": (CONFIG, None), "b": (replace(CONFIG, seed=1), None)})
    part = planned(folder, cores=4)
    assert (part.runs, part.done, part.frames) == (2, 0, 72_000)
    assert part.hours == pytest.approx(2.0)  # 2 x 36 000 / 10 s


def test_a_run_that_takes_every_core_counts_with_all_of_them(scale, asked):
    folder = scale("mine", {"a": (replace(CONFIG, threads=0), None)})
    assert planned(folder, cores=4).hours == pytest.approx(4.0)


def test_the_evaluation_counts_at_its_longest(scale, asked, monkeypatch):
    monkeypatch.setattr(reinforcement, "EVALUATION", 0.5)
    config = replace(CONFIG, environment="chaser", evaluation=EvaluationConfig(sets=2, episodes=18, max_steps=500))
    folder = scale("mine", {"a": (config, None)})
    assert planned(folder, cores=1).hours == pytest.approx(1.25)  # 36 000 + 2 x 18 x 500 / 2 steps, 10 a s


def test_finished_runs_of_any_scale_give_the_speed_without_measuring(scale, asked):
    scale("other", {"x": (replace(CONFIG, env_steps=100), 20.0)})
    folder = scale("mine", {"a": (CONFIG, None)})
    assert planned(folder, cores=1).hours == pytest.approx(0.5)
    assert asked == []


def test_runs_that_differ_in_what_they_cost_are_measured_each(scale, asked):
    """By the cell alone, two layers of 512 units would be planned as one of 16."""
    same = [CONFIG, replace(CONFIG, seed=1), replace(CONFIG, unroll=50), replace(CONFIG, env_steps=7)]
    others = [
        replace(CONFIG, cell="none", gradient="tbptt"),
        replace(CONFIG, gradient="tbptt"),
        replace(CONFIG, layers=2),
        replace(CONFIG, hidden=512),
        replace(CONFIG, batch=4),
        replace(CONFIG, environment="gymnasium:CartPole-v1"),
        replace(CONFIG, environment="gymnasium:Acrobot-v1"),
    ]
    folder = scale("mine", {f"{k}": (config, None) for k, config in enumerate([*same, *others])})
    planned(folder, cores=1)
    assert len(asked) == 1 + len(others)
    assert all(config in asked for config in others)


def test_once_the_time_for_measuring_is_over_a_run_goes_as_fast_as_the_most_similar_one(scale, asked, monkeypatch):
    monkeypatch.setattr(plan, "BUDGET_S", 0.0)
    stem = StemConfig(environment="rooms_watermaze", env_steps=36_000, threads=1)
    most = replace(CONFIG, gradient="tbptt", env_steps=72_000)
    made = plan.make_plan(scale("mine", {"a": (CONFIG, None), "b": (most, None), "c": (stem, None)}), cores=1)
    assert asked == [most, stem]
    assert [speed.source for speed in made.known.values()].count(plan.RESEMBLES) == 1
    assert sum(part.hours for part in plan.parts(made)) == pytest.approx(4.0)
    assert "1 others: as the most similar run" in plan.describe(made)


def test_every_study_has_a_line(asked, tmp_path):
    laptop = load_scale({"results": str(tmp_path), "scale": "laptop"})
    assert [part.name for part in plan.parts(plan.make_plan(laptop, cores=1))] == list(laptop.studies)


def test_a_damaged_record_or_one_of_another_version_tells_no_speed(scale, asked):
    other = scale("other", {"x": (CONFIG, 20.0), "y": (CONFIG, 20.0), "z": (CONFIG, 20.0)})
    record = json.loads((other.runs[0].folder / "run.json").read_text())
    broken = ("{", json.dumps(record | {"config": {"wheels": 4}}), json.dumps(record | {"wall_s": 0}))
    for run, text in zip(other.runs, broken):
        (run.folder / "run.json").write_text(text)
    planned(scale("mine", {"a": (CONFIG, None)}), cores=1)
    assert asked == [CONFIG]


def test_a_run_of_another_device_tells_no_speed(scale, asked):
    other = scale("other", {"x": (CONFIG, 20.0)})
    path = other.runs[0].folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"device": "cuda", "device_name": "a GPU"}))
    planned(scale("mine", {"a": (CONFIG, None)}), cores=1)
    assert asked == [CONFIG]


@pytest.mark.parametrize(("device", "unroll"), [("cpu", 10), ("cuda", 50)])
def test_a_gpu_is_measured_at_the_runs_own_sizes(monkeypatch, device, unroll):
    monkeypatch.setattr("rtrl_bench.runs.device.choose_device", lambda wanted: torch.device(device))
    pictures = replace(CONFIG, vision="nature", unroll=50)
    assert kind_of(pictures).trial(pictures).unroll == unroll


def test_a_frozen_stem_is_measured_at_the_runs_own_sizes():
    """What is fast enough to be waited for at small batches too costs less a step at larger ones."""
    frozen = replace(CONFIG, vision="nature", unroll=50, pretrained={"run": "any"})
    assert kind_of(frozen).trial(frozen) == frozen


def test_finished_runs_cost_nothing_more(scale, asked):
    folder = scale("mine", {"a": (CONFIG, 5.0), "b": (replace(CONFIG, hidden=7), None)})
    part = planned(folder, cores=1)
    assert (part.runs, part.done) == (2, 1)
    assert part.hours == pytest.approx(1.0)


def test_pretraining_counts_and_a_frozen_stem_has_a_speed_of_its_own(scale, asked):
    images = replace(CONFIG, environment="chaser", vision="nature")
    main = replace(images, pretrained=PretrainedConfig(run="runs/pretrain_tbptt"))
    folder = scale("mine", {"pretrain_tbptt": (images, 20.0), "a": (main, None)})
    said = text(folder, cores=1)
    assert re.search(r"study +2 +1 +72,000 +1\.00", said)
    assert "procgen, vision nature, frozen, rtrl, hidden 256: 10 (measured now)" in said
    assert asked == [main]


def test_a_stem_that_is_taught_has_a_speed_of_its_own_and_its_frames_count(scale, asked):
    stem = StemConfig(environment="rooms_watermaze", env_steps=36_000, threads=1)
    folder = scale("mine", {"pretrain_state": (stem, None)})
    said = text(folder, cores=1)
    assert re.search(r"study +1 +0 +144,000 +1\.00", said)
    assert "rooms_watermaze, vision pooled, taught from the state: 10 (measured now)" in said
    assert asked == [stem]


def test_the_speed_of_a_finished_stem_is_known(scale, asked):
    stem = StemConfig(environment="rooms_watermaze", env_steps=36_000, threads=1)
    scale("other", {"pretrain_state": (stem, 5.0)})
    assert planned(scale("mine", {"pretrain_state": (stem, None)}), cores=1).hours == pytest.approx(2.0)
    assert asked == []


def test_sequence_tasks_count_steps(scale, asked):
    part = planned(scale("mine", {"copy/L5": (COPY, None)}), cores=1)
    assert (part.runs, part.frames) == (1, 0)
    assert part.hours == pytest.approx(1.0)


def test_the_text_has_label_jobs_hours_and_what_is_missing(scale, asked):
    missing = [Lack("chaser", "procgen", reason="libGL is missing", fix="apt-get install libgl1")]
    folder = scale("mine", {"a": (CONFIG, None)}, missing=missing)
    said = text(folder, cores=2)
    assert "label of mine" in said
    assert "1 runs: about 0.50 h on 2 cores, and minutes for tables, figures and report" in said
    assert "left out: chaser: libGL is missing. Fix: apt-get install libgl1" in said


def test_a_study_of_costs_counts_its_points_on_all_cores(scale, monkeypatch):
    monkeypatch.setattr(plan, "START_SECONDS", 0.0)
    sweep = SweepConfig(
        axis="hidden", values=[4, 8, 16], methods={"rtrl": None, "rtrl_dense": MethodConfig(cells=["rnn", "gru"])}
    )
    study = ComplexityConfig(sweeps={"width": sweep})
    part = planned(scale("mine", {"study": (study, None)}), cores=2)
    assert part.hours == pytest.approx(2 * 9 / costs.POINTS_PER_S / 3600)
    assert "study of costs, 1 sweeps: 3 (finished runs)" in text(
        scale("other", {"a": (study, 3.0), "b": (replace(study, repeats=3), None)}), cores=2
    )


def test_the_text_tells_measured_speeds_from_those_of_finished_runs(scale, asked):
    done = replace(CONFIG, hidden=7)
    runs = {"a": (done, 20.0), "b": (replace(done, seed=1), None), "c": (CONFIG, None)}
    said = text(scale("mine", runs), cores=1)
    assert "memory, vision flat, rtrl, hidden 7: 20 (finished runs)" in said
    assert "memory, vision flat, rtrl, hidden 256: 10 (measured now)" in said


@pytest.mark.parametrize("config", [CONFIG, COPY])
def test_a_measured_speed_is_a_number_of_steps(scale, config, monkeypatch):
    monkeypatch.setattr(plan, "SECONDS", 0.02)
    (run,) = scale("mine", {"a": (config, None)}).runs
    assert plan.measure(run, cores=1) > 1


def test_a_name_that_is_none_is_refused_even_where_no_time_is_left_to_measure(scale, monkeypatch):
    monkeypatch.setattr(plan, "BUDGET_S", 0)
    there = scale("mine", {"a": (CONFIG, None), "b": (replace(CONFIG, seed=7, gradient="rtlr"), None)})
    with pytest.raises(ConfigError, match=f"scale mine, {there.name_of(there.runs[1])}: unknown gradient 'rtlr'"):
        plan.make_plan(there, 1)


def test_a_mistake_ends_the_plan_with_a_message(monkeypatch, capsys, tmp_path):
    settings = {**SETTINGS, "scale": "smoke", "results": str(tmp_path), "run": {"vision": "imapla", "threads": 1}}
    words = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    monkeypatch.setattr(sys, "argv", ["plan", "--set", *words, "--cores", "1"])
    assert plan.main() == 2
    said = capsys.readouterr().err
    assert "error: scale smoke, runs/reinforcement/" in said
    assert ": unknown vision stem 'imapla'" in said


def test_what_an_environment_prints_while_it_is_measured_is_no_part_of_the_plan(tmp_path):
    """The plan is a result on standard output; what anything else prints, be it from C, goes to standard error."""
    settings = [f"{k}={json.dumps(v)}" for k, v in (SETTINGS | {"scale": "smoke", "results": str(tmp_path)}).items()]
    program = f"""
import os, runpy, sys
from rtrl_bench.runs.kind import Kind
Kind.speed = lambda self, settings, for_s: os.write(1, b"[0.1, 0.2]\\n") and print("hello") or 5.0
sys.argv = ["plan", "--set", *{settings!r}, "--cores", "1"]
runpy.run_module("workflow.scripts.plan", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("smoke: a test that every part runs")
    assert "[0.1" not in done.stdout
    assert "hello" not in done.stdout
    assert "[0.1" in done.stderr
