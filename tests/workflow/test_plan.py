"""What `snakemake plan` says: numbers of runs, frames, and hours from known or measured speeds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rtrl_bench.config import RunConfig, dump
from workflow.scripts import plan

CONFIG = RunConfig(environment="tmaze", env_steps=36_000, unroll=5, threads=1)


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
        summary = {"label": f"label of {name}", "studies": {"one": list(runs)}, "copy_task": []}
        (folder / "scale.json").write_text(json.dumps(summary))
        (folder / "missing.json").write_text(json.dumps(list(missing)))
        return folder

    return make


@pytest.fixture(autouse=True)
def start(monkeypatch):
    monkeypatch.setattr(plan, "START_SECONDS", 0.0)


def _measured(monkeypatch, steps_per_s):
    asked = []

    def measure(work):
        asked.append(work)
        return steps_per_s

    monkeypatch.setattr(plan, "measure", measure)
    return asked


def test_hours_are_steps_over_measured_speed(scale, monkeypatch):
    _measured(monkeypatch, 10.0)
    folder = scale("mine", {"runs/a": (CONFIG, None), "runs/b": (replace(CONFIG, seed=1), None)})
    (part,) = plan.parts(folder, ["runs/a", "runs/b"], cores=4)
    assert (part.name, part.runs, part.done, part.frames) == ("memory", 2, 0, 72_000)
    assert part.hours == pytest.approx(2.0)  # 2 x 36 000 / 10 s


def test_a_run_that_takes_every_core_counts_with_all_of_them(scale, monkeypatch):
    _measured(monkeypatch, 10.0)
    folder = scale("mine", {"runs/a": (replace(CONFIG, threads=0), None)})
    (part,) = plan.parts(folder, ["runs/a"], cores=4)
    assert part.hours == pytest.approx(4.0)


def test_finished_runs_of_any_scale_give_the_speed_without_measuring(scale, monkeypatch):
    asked = _measured(monkeypatch, 1.0)
    scale("other", {"runs/x": (replace(CONFIG, env_steps=100), 20.0)})
    folder = scale("mine", {"runs/a": (CONFIG, None)})
    (part,) = plan.parts(folder, ["runs/a"], cores=1)
    assert part.hours == pytest.approx(0.5)
    assert asked == []


def test_each_size_is_measured_once_whatever_the_method(scale, monkeypatch):
    asked = _measured(monkeypatch, 1.0)
    feedforward = replace(CONFIG, cell="none", gradient="tbptt")
    runs = {"runs/a": feedforward, "runs/b": CONFIG, "runs/c": replace(CONFIG, unroll=50)}
    folder = scale("mine", {name: (config, None) for name, config in runs.items()})
    plan.parts(folder, runs, cores=1)
    assert [work.config["unroll"] for work in asked] == [5, 50]


def test_finished_runs_cost_nothing_more(scale, monkeypatch):
    _measured(monkeypatch, 10.0)
    folder = scale("mine", {"runs/a": (CONFIG, 5.0), "runs/b": (replace(CONFIG, hidden=7), None)})
    (part,) = plan.parts(folder, ["runs/a", "runs/b"], cores=1)
    assert (part.runs, part.done) == (2, 1)
    assert part.hours == pytest.approx(1.0)


def test_the_copy_task_counts_updates(scale, monkeypatch):
    _measured(monkeypatch, 10.0)
    folder = scale("mine", {})
    copy = folder / "copy_task/L5"
    copy.mkdir(parents=True)
    (copy / "config.yaml").write_text("{max_length: 5, method: rtrl, steps: 36000, threads: 1}")
    (part,) = plan.parts(folder, ["copy_task/L5"], cores=1)
    assert (part.name, part.frames) == ("copy_task", 0)
    assert part.hours == pytest.approx(1.0)


def test_the_text_has_label_jobs_hours_and_what_is_missing(scale, monkeypatch):
    _measured(monkeypatch, 10.0)
    missing = [{"name": "chaser", "reason": "libGL is missing", "fix": "apt-get install libgl1"}]
    folder = scale("mine", {"runs/a": (CONFIG, None)}, missing=missing)
    text = plan.describe(folder, cores=2)
    assert "label of mine" in text
    assert "1 runs, then tables, figures, report: about 0.50 h on 2 cores" in text
    assert "left out: chaser: libGL is missing. Fix: apt-get install libgl1" in text
