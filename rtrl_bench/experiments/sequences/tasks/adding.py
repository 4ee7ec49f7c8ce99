"""Adding: the sum of the two marked numbers in a noisy sequence (Hochreiter & Schmidhuber 1997, experiment 4)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task
from rtrl_bench.runs.settings import Settings


@TASKS.register("adding")
class Adding(Task):
    """A step shows a number in [-1, 1] and a mark: 1 at two steps, -1 at the first and the last, 0 elsewhere.

    One mark is among the first ten steps, the other one in the first half; a first step that is marked counts as 0 in
    the sum. Asked for is 0.5 + (X1 + X2) / 4 at the end, within 0.04, as in the paper.
    """

    answers = "values"
    tolerance = 0.04
    solved = 0.99
    inputs, outputs = 2, 1
    step_bytes = 4 * 2 + 4 + 1

    class Options(Settings):
        """Of the adding task."""

        length: Annotated[int, Field(ge=10, le=2**20)] = Field(
            default=100, description="T: sequences have T to 1.1 T steps, drawn uniformly"
        )

    def __init__(self, options: Any):
        super().__init__(options)
        self.longest = options.length + options.length // 10

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """Numbers, marks and sums."""
        lengths = random.integers(self.options.length, self.longest + 1, count)
        step, row = np.arange(self.longest), np.arange(count)
        numbers = random.uniform(-1, 1, (count, self.longest)).astype(np.float32)
        first = random.integers(0, min(10, self.options.length // 2 - 1), count)
        second = random.integers(0, self.options.length // 2 - 2, count)
        second += second >= first  # another step than the first
        marks = np.zeros_like(numbers)
        marks[:, 0] = marks[row, lengths - 1] = -1
        marks[row, first] = marks[row, second] = 1
        one, other = (np.where(at == 0, 0, numbers[row, at]) for at in (first, second))
        asked = step == lengths[:, None] - 1
        y = np.where(asked, (0.5 + (one + other) / 4)[:, None], 0).astype(np.float32)
        return Sequences(np.stack([numbers, marks], axis=-1), y[..., None], asked, lengths)
