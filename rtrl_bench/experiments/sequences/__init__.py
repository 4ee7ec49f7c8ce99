"""Sequence tasks: a gradient method has to carry what was shown over many steps. No environment, no reward.

Importing this imports no torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.asked import SequenceStudy
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.tasks import TASKS, make_task
from rtrl_bench.runs.kind import Kind, Lack, Pace, Place
from rtrl_bench.runs.settings import replace

if TYPE_CHECKING:
    import torch

    from rtrl_bench.experiments.sequences.training import Training

TRIAL = {"train_size": 100, "valid_size": 1, "test_size": 1, "test_options": []}


class Sequences(Kind[SequenceConfig]):
    """Copying, adding, predicting: tasks of `tasks/`. Amounts are steps of each slot."""

    name = "sequences"
    settings = SequenceConfig
    study = SequenceStudy
    counted = "steps"
    leaves = ("curve.csv", "gradient.csv")

    def check(self, settings: SequenceConfig) -> None:
        """Names, options, and whether they fit together."""
        from rtrl_bench.cells import CELLS
        from rtrl_bench.gradients import make_method
        from rtrl_bench.runs import gradient_quality

        for options in ({}, *settings.test_options):
            make_task(settings.task, settings.task_options | options)
        if lack := self.lack(settings):
            raise ConfigError(f"task {lack.name}: {lack.reason}; {lack.fix}")
        cell = CELLS[settings.cell]()
        make_method(settings.gradient, cell, settings.layers, settings.method_options)
        gradient_quality.check(settings)
        cell.check_retention(settings.retention)

    def begin(self, settings: SequenceConfig, device: torch.device, place: Place) -> Training:
        """See `training.py`."""
        from rtrl_bench.experiments.sequences.training import Training

        return Training(settings, device)

    def outputs(self, settings: SequenceConfig) -> tuple[str, ...]:
        """With gradient.csv where the gradient is compared."""
        return ("curve.csv", *(("gradient.csv",) if settings.gradient_quality else ()), "run.json")

    def sentence(self, record: Mapping[str, Any]) -> str:
        """The share of sequences that are right."""
        return f"accuracy {record['accuracy']:.3f} after {record['steps']:,} steps"

    def targets(self, settings: SequenceConfig) -> tuple[str, ...]:
        """The kind and the task."""
        return (self.name, f"{settings.task}_task")

    def known_targets(self) -> set[str]:
        """The kind and every task."""
        return {self.name, *(f"{task}_task" for task in TASKS)}

    def lack(self, settings: SequenceConfig) -> Lack | None:
        """The package that the task's data come with."""
        package, name = TASKS[settings.task].package, settings.task
        if package is None or importlib.util.find_spec(package):
            return None
        return Lack(name, self.name, f"Python package {package} is missing", f'pip install "rtrl-bench[{name}]"')

    def amount(self, settings: SequenceConfig) -> float:
        """All steps; a task that is solved earlier ends earlier."""
        return settings.steps

    def pace(self, settings: SequenceConfig) -> Pace:
        """By gradient, cell and sizes."""
        task = make_task(settings.task, settings.task_options)
        sizes = (f"length {task.longest}", f"hidden {settings.hidden}")
        title = (f"{settings.task} task", settings.gradient_name, f"cell {settings.cell}", *sizes)
        others = (settings.layers, settings.update, settings.unroll, settings.batch, settings.threads, settings.device)
        return Pace(title, others)

    def trial(self, settings: SequenceConfig) -> SequenceConfig:
        """With few sequences to draw from."""
        return replace(settings, **TRIAL)


KINDS.register(Sequences.name)(Sequences())
