"""Recall: the sign of the first step, asked for many steps and as many distractions later."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task
from rtrl_bench.runs.settings import Settings, Size


@TASKS.register("recall")
class Recall(Task):
    """The T-maze of `envs/memory.py` without an agent: a label at the end instead of a reward.

    Every step shows a sign, -1 or 1, and whether it is the first or the last step. Asked for at the last is the sign of
    the first; the others are there to distract, so that the trace that an untrained network keeps is of no use.
    """

    answers = "bits"
    inputs, outputs = 3, 1
    step_bytes = 3 + 1 + 1

    class Options(Settings):
        """Of the recall task."""

        delay: Size = Field(default=10, description="steps between what is shown and its answer")

    def __init__(self, options: Any):
        super().__init__(options)
        self.longest = options.delay + 1

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """Signs, and the first of them again."""
        x = np.zeros((count, self.longest, self.inputs), np.int8)
        x[..., 0] = random.choice(np.array([-1, 1], np.int8), x.shape[:2])
        x[:, 0, 1] = x[:, -1, 2] = 1
        y, asked = np.zeros((count, self.longest, 1), np.uint8), np.zeros(x.shape[:2], bool)
        y[:, -1, 0], asked[:, -1] = x[:, 0, 0] > 0, True
        return Sequences(x, y, asked, np.full(count, self.longest))
