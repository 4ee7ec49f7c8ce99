"""Copy: a binary pattern, then as many blanks to repeat it in (Irie et al. 2024, section 4.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task, one_hot
from rtrl_bench.runs.settings import Count, Settings, Size

SYMBOLS = 3  # 0, 1, blank
BLANK = 2


@TASKS.register("copy")
class Copy(Task):
    """Every bit of the pattern is asked for; docs/deviations.md has what the paper's released data ask for."""

    answers = "bits"
    inputs, outputs = SYMBOLS, 1
    step_bytes = SYMBOLS + 1 + 1

    class Options(Settings):
        """Of the copy task."""

        length: Size = Field(default=50, description="bits of the longest pattern; lengths are uniform from 1 on")
        delay: Count = Field(default=0, description="further blanks between a pattern and its repetition")

    def __init__(self, options: Any):
        super().__init__(options)
        self.longest = 2 * options.length + options.delay

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """Patterns with their blanks."""
        longest, delay = self.options.length, self.options.delay
        lengths = random.integers(1, longest + 1, (count, 1))
        bits = random.integers(0, 2, (count, longest), dtype=np.uint8)
        step = np.arange(self.longest)
        asked = (step >= lengths + delay) & (step < 2 * lengths + delay)
        y = np.take_along_axis(bits, np.clip(step - lengths - delay, 0, longest - 1), axis=1)
        shown = np.pad(bits, ((0, 0), (0, self.longest - longest)))
        symbols = np.where(step < lengths, shown, np.uint8(BLANK))
        return Sequences(one_hot(symbols, SYMBOLS), y[..., None], asked, lengths[:, 0] * 2 + delay)
