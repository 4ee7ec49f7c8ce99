"""The speed of a run, measured: `runs/execution.py`."""

from __future__ import annotations

from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.runs.execution import measured_speed


def test_the_speed_of_a_run_shorter_than_the_warming_up_can_be_measured():
    run = RunConfig(environment="tmaze", vision="flat", features=8, hidden=8, unroll=2, batch=2, env_steps=4)
    assert measured_speed(KINDS["reinforcement"], run, 0.05) > 0
