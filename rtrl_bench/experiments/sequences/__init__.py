"""Sequence tasks: a gradient method has to carry what was shown over many steps. No environment, no reward.

Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.asked import CopyStudy
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.runs.kind import Kind, Pace, Place
from rtrl_bench.runs.settings import replace

if TYPE_CHECKING:
    import torch

    from rtrl_bench.experiments.sequences.copy_task import CopyTraining


class Sequences(Kind[CopyConfig]):
    """The copy task. Amounts are updates."""

    name = "sequences"
    settings = CopyConfig
    study = CopyStudy

    def begin(self, settings: CopyConfig, device: torch.device, place: Place) -> CopyTraining:
        """See `copy_task.py`."""
        from rtrl_bench.experiments.sequences.copy_task import CopyTraining

        return CopyTraining(settings, device)

    def sentence(self, record: Mapping[str, Any]) -> str:
        """The share of sequences that are right to the last bit."""
        return f"sequence accuracy {record['test_sequence_accuracy']:.3f} after {record['updates']:,} updates"

    def targets(self, settings: CopyConfig) -> tuple[str, ...]:
        """The task."""
        return ("copy_task",)

    def known_targets(self) -> set[str]:
        """The task."""
        return {"copy_task"}

    def amount(self, settings: CopyConfig) -> float:
        """All updates; a task that is solved earlier ends earlier."""
        return settings.steps

    def pace(self, settings: CopyConfig) -> Pace:
        """By method and sizes."""
        title = ("copy task", settings.method, f"length {settings.max_length}", f"hidden {settings.hidden}")
        return Pace(title, (settings.update, settings.unroll, settings.batch, settings.threads, settings.device))

    def trial(self, settings: CopyConfig) -> CopyConfig:
        """With few sequences to draw from."""
        return replace(settings, train_size=100, valid_size=1, test_size=1)


KINDS.register(Sequences.name)(Sequences())
