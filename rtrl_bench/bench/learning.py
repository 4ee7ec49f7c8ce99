"""Runs that learn, for the time that is given: nonmatching at M = 10, the curves and greedy play at their ends.

With a stem that was taught before (`--stem`), RTRL and then TBPTT, as in scale `overnight`; without one, RTRL with a
stem that it trains itself. The budget of steps, over which the learning rate decays, is what the speed of RTRL
gives for its share of the time; it acts beside learning where that is faster. TBPTT gets the same budget.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from rtrl_bench.bench.sections import Column, Item, Row, Section, Setup
from rtrl_bench.experiments import kind_of
from rtrl_bench.experiments.reinforcement.config import RunConfig, from_dict
from rtrl_bench.experiments.reinforcement.evaluate import evaluate
from rtrl_bench.experiments.reinforcement.loop import CURVE_COLUMNS, Training
from rtrl_bench.experiments.reinforcement.pretraining import find_stem
from rtrl_bench.runs.settings import to_dict

SETTINGS: dict[str, Any] = {
    "environment": "rooms_select_nonmatching_object",
    "gradient": "rtrl",
    "unroll": 10,
    "batch": 32,
    "vision": "colours",
    "features": 256,
    "hidden": 256,
    "retention": 30,
    "optimiser": {"learning_rate": 1.0e-3, "epsilon": 1.0e-5},
    "loss": {"discount": 0.95, "baseline_cost": 5},
    "evaluation": {"sets": 1, "episodes": 64},
    "log_points": 100,
}
TAUGHT: dict[str, Any] = {"vision": "pooled", "features": 256, "loss": {"discount": 0.95}}
SMALL = {"features": 8, "hidden": 8, "batch": 2, "evaluation": {"sets": 1, "episodes": 2, "max_steps": 5}}
WITHOUT_LIMIT_S = 180.0
FOR_THE_REST = 0.2  # of the time: measuring the speed and greedy play
SPEED_S = 3.0


class _Runs:
    """The budget that the methods share, and the networks that training leaves for the evaluation."""

    def __init__(self, setup: Setup):
        self.setup = setup
        self.methods = ("rtrl", "tbptt") if setup.stem else ("rtrl",)
        self.trained: dict[str, Training] = {}
        self._budget: dict[str, Any] = {}  # env_steps, and whether to act and learn in turn

    def train(self, method: str) -> Row:
        """Train by one method; the curve's columns and rows, and the settings."""
        self._budget = self._budget or self._find_budget()
        config = self._config(gradient=method, **self._budget)
        self.trained[method] = training = Training(config, self.setup.device, find_stem(config))
        training.run(lambda: False, lambda: None)
        counters = training.counters
        returns = [row[CURVE_COLUMNS.index("episode_return_mean")] for row in training.curve]
        known = [value for value in returns if value is not None]
        return {
            "env_steps": counters.env_steps,
            "wall_s": counters.wall_s,
            "steps_per_s": counters.env_steps / counters.wall_s,
            "first_return": known[0] if known else None,
            "last_return": known[-1] if known else None,
            "settings": to_dict(config),
            "pretrained": training.pretrained,
            "columns": list(CURVE_COLUMNS),
            "curve": training.curve,
        }

    def play(self, method: str) -> Row:
        """Greedy play of the network that the method trained."""
        training = self.trained.pop(method, None)
        if training is None:
            raise RuntimeError("the training before it failed")
        training.close()
        evaluation = evaluate(training.network, training.config, self.setup.device)
        returns = [r for s in evaluation["sets"] for r in s["returns"]]
        return {"last_return": float(np.mean(returns)), "episodes": len(returns), "evaluation": evaluation}

    def _find_budget(self) -> dict[str, Any]:
        whole_s = (1 - FOR_THE_REST) * min(self.setup.seconds, WITHOUT_LIMIT_S)
        began = time.perf_counter()
        speeds = {in_turn: self._speed(in_turn) for in_turn in (True, False)}
        in_turn = speeds[True] >= speeds[False]
        seconds = 0.5 if self.setup.small else (whole_s - (time.perf_counter() - began)) / len(self.methods)
        return {"deterministic": in_turn, "env_steps": max(1, int(speeds[in_turn] * seconds))}

    def _speed(self, in_turn: bool) -> float:
        config = self._config(deterministic=in_turn, env_steps=10**12)
        return kind_of(config).speed(config, 0.1 if self.setup.small else SPEED_S)

    def _config(self, **changes: Any) -> RunConfig:
        small = SMALL if self.setup.small else {}
        taught = {**TAUGHT, "pretrained": {"run": os.path.relpath(self.setup.stem)}} if self.setup.stem else {}
        return from_dict({**SETTINGS, **small, **taught, "device": self.setup.device.type, **changes})


def items(setup: Setup) -> Iterator[Item]:
    """Training, then greedy play, method by method."""
    runs = _Runs(setup)
    for method in runs.methods:
        yield Item(f"nonmatching, {method}, M=10", partial(runs.train, method))
        yield Item("greedy play", partial(runs.play, method))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    columns = (
        Column("env_steps", "env steps", ",d"),
        Column("wall_s", "seconds", ",.0f"),
        Column("steps_per_s", "steps/s", ",.0f"),
        Column("first_return", "first return"),
        Column("last_return", "last return"),
        Column("episodes", "episodes", "d"),
    )
    return Section(
        "Runs that learn: return of training at its first and last log points, of greedy play", items, columns
    )
