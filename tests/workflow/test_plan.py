"""What `snakemake plan` says: numbers of runs, frames, and hours from known or measured speeds."""

from __future__ import annotations

import json
import re

import pytest

from rtrl_bench.complexity.config import ComplexityConfig, MethodConfig, SweepConfig
from rtrl_bench.config import EvaluationConfig, PretrainedConfig, RunConfig
from rtrl_bench.diagnostics.copy_config import CopyConfig
from rtrl_bench.settings import dump, replace
from workflow.scripts import plan, speeds

CONFIG = RunConfig(environment="tmaze", vision="flat", env_steps=36_000, unroll=5, threads=1)
COPY = CopyConfig(max_length=5, method="rtrl", steps=36_000, hidden=4, threads=1)


@pytest.fixture
def scale(tmp_path):
    """Make results/<name> with the given runs; those with a speed are finished."""

    def make(name, runs, missing=()):
        folder = tmp_path / name
        folder.mkdir()
        for run, (config, steps_per_s) in runs.items():
            (folder / run).mkdir(parents=True)
            (folder / run / "config.yaml").write_text(dump(config))
            if steps_per_s:
                record = {"status": "complete", "env_steps": config.env_steps, "wall_s": config.env_steps / steps_per_s}
                (folder / run / "run.json").write_text(json.dumps(record))
        summary = {
            "label": f"label of {name}",
            "studies": {"one": [run for run in runs if run.startswith("runs/") and "pretrain" not in run]},
            "pretraining": [run for run in runs if "pretrain" in run],
            "copy_task": [run for run in runs if run.startswith("copy_task/")],
        }
        (folder / "scale.json").write_text(json.dumps(summary))
        (folder / "missing.json").write_text(json.dumps(list(missing)))
        return folder

    return make


@pytest.fixture
def asked(monkeypatch):
    """The configurations that were measured; each gives 10 steps or updates per second."""
    configs = []

    def measure(config, cores):
        configs.append(config)
        return 10.0

    monkeypatch.setattr(plan, "measure", measure)
    monkeypatch.setattr(plan, "START_SECONDS", 0.0)
    monkeypatch.setattr(plan, "EVALUATION", 0.0)
    return configs


def parts(folder, cores):
    """The plan's parts, by suite."""
    works = [plan.read(path.parent) for path in sorted(folder.rglob("config.yaml"))]
    known = plan.speeds([work for work in works if not work.done], folder.parent, cores)
    return {part.name: part for part in plan.parts(works, known, cores)}


def test_hours_are_steps_over_measured_speed(scale, asked):
    folder = scale("mine", {"runs/a": (CONFIG, None), "runs/b": (replace(CONFIG, seed=1), None)})
    part = parts(folder, cores=4)["memory"]
    assert (part.runs, part.done, part.frames) == (2, 0, 72_000)
    assert part.hours == pytest.approx(2.0)  # 2 x 36 000 / 10 s


def test_a_run_that_takes_every_core_counts_with_all_of_them(scale, asked):
    folder = scale("mine", {"runs/a": (replace(CONFIG, threads=0), None)})
    assert parts(folder, cores=4)["memory"].hours == pytest.approx(4.0)


def test_the_evaluation_counts_at_its_longest(scale, asked, monkeypatch):
    monkeypatch.setattr(plan, "EVALUATION", 0.5)
    config = replace(CONFIG, environment="chaser", evaluation=EvaluationConfig(sets=2, episodes=18, max_steps=500))
    folder = scale("mine", {"runs/a": (config, None)})
    assert parts(folder, cores=1)["procgen"].hours == pytest.approx(1.25)  # 36 000 + 2 x 18 x 500 / 2 steps, 10 a s


def test_finished_runs_of_any_scale_give_the_speed_without_measuring(scale, asked):
    scale("other", {"runs/x": (replace(CONFIG, env_steps=100), 20.0)})
    folder = scale("mine", {"runs/a": (CONFIG, None)})
    assert parts(folder, cores=1)["memory"].hours == pytest.approx(0.5)
    assert asked == []


def test_one_run_is_measured_for_each_suite_vision_and_cell(scale, asked):
    feedforward = replace(CONFIG, cell="none", gradient="tbptt")
    runs = [CONFIG, replace(CONFIG, unroll=50), feedforward, replace(CONFIG, gradient="tbptt")]
    folder = scale("mine", {f"runs/{k}": (config, None) for k, config in enumerate(runs)})
    parts(folder, cores=1)
    assert asked == [CONFIG, feedforward]


def test_finished_runs_cost_nothing_more(scale, asked):
    folder = scale("mine", {"runs/a": (CONFIG, 5.0), "runs/b": (replace(CONFIG, hidden=7), None)})
    part = parts(folder, cores=1)["memory"]
    assert (part.runs, part.done) == (2, 1)
    assert part.hours == pytest.approx(1.0)


def test_pretraining_counts_and_a_frozen_stem_has_a_speed_of_its_own(scale, asked):
    images = replace(CONFIG, environment="chaser", vision="nature")
    main = replace(images, pretrained=PretrainedConfig(run="runs/pretrain_tbptt"))
    folder = scale("mine", {"runs/pretrain_tbptt": (images, 20.0), "runs/a": (main, None)})
    text = plan.describe(folder, cores=1)
    assert re.search(r"procgen +2 +1 +72,000 +1\.00", text)
    assert "procgen, vision nature, frozen, cell elstm: 10 (measured now)" in text
    assert asked == [main]


def test_the_copy_task_counts_updates(scale, asked):
    part = parts(scale("mine", {"copy_task/L5": (COPY, None)}), cores=1)["copy_task"]
    assert (part.runs, part.frames) == (1, 0)
    assert part.hours == pytest.approx(1.0)


def test_the_text_has_label_jobs_hours_and_what_is_missing(scale, asked):
    missing = [{"name": "chaser", "suite": "procgen", "reason": "libGL is missing", "fix": "apt-get install libgl1"}]
    folder = scale("mine", {"runs/a": (CONFIG, None)}, missing=missing)
    text = plan.describe(folder, cores=2)
    assert "label of mine" in text
    assert "1 runs, then tables, figures, report: about 0.50 h on 2 cores" in text
    assert "left out: chaser: libGL is missing. Fix: apt-get install libgl1" in text


def test_the_text_has_the_study_of_costs(scale, asked):
    folder = scale("mine", {"runs/a": (CONFIG, None)})
    summary = json.loads((folder / "scale.json").read_text())
    (folder / "scale.json").write_text(json.dumps(summary | {"complexity": "complexity"}))
    (folder / "complexity").mkdir()
    sweep = SweepConfig(
        axis="hidden", values=[4, 8, 16], methods={"rtrl": None, "rtrl_dense": MethodConfig(cells=["rnn", "gru"])}
    )
    (folder / "complexity/config.yaml").write_text(dump(ComplexityConfig(sweeps={"width": sweep})))
    assert "study of costs: 9 points, some minutes on all cores" in plan.describe(folder, cores=2)
    (folder / "complexity/complexity.json").touch()
    assert "study of costs: 9 points, finished" in plan.describe(folder, cores=2)


def test_the_text_tells_measured_speeds_from_those_of_finished_runs(scale, asked):
    done = replace(CONFIG, unroll=7)
    runs = {"runs/a": (done, 20.0), "runs/b": (replace(done, seed=1), None), "runs/c": (CONFIG, None)}
    text = plan.describe(scale("mine", runs), cores=1)
    assert "memory, vision flat, cell elstm: 20 (finished runs)" in text
    assert "memory, vision flat, cell elstm: 10 (measured now)" in text


@pytest.mark.parametrize("config", [CONFIG, COPY])
def test_a_measured_speed_is_a_number_of_steps(config, monkeypatch):
    monkeypatch.setattr(speeds, "SECONDS", 0.02)
    monkeypatch.setattr(speeds, "COPY_SECONDS", 0.02)
    assert speeds.measure(config, cores=1) > 1
