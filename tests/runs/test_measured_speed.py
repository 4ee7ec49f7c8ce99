"""The speed of a run, measured: `runs/execution.py`."""

from __future__ import annotations

from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.runs import execution
from rtrl_bench.runs.settings import build


def test_the_speed_of_a_run_shorter_than_the_warming_up_can_be_measured():
    run = RunConfig(environment="tmaze", vision="flat", features=8, hidden=8, unroll=2, batch=2, env_steps=4)
    assert execution.measured_speed(KINDS["reinforcement"], run, 0.05) > 0


def test_the_speed_is_in_steps(monkeypatch):
    monkeypatch.setattr(execution, "calls_per_s", lambda *arguments: 3.0)
    run = build(SequenceConfig, {"task": "copy", "steps": 100, "hidden": 4, "batch": 2, "unroll": 4, "threads": 1})
    assert execution.measured_speed(KINDS["sequences"], run, 0.01) == 12
