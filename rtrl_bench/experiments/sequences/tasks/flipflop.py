"""Flip-flop: each channel holds the sign of the last pulse that it saw (Sussillo & Barak 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task
from rtrl_bench.runs.settings import Settings, Share, Size


@TASKS.register("flipflop")
class FlipFlop(Task):
    """A step shows 1, -1 or nothing on each channel, and asks for all signs. The first step has a pulse on each."""

    answers = "bits"

    class Options(Settings):
        """Of the flip-flop task."""

        channels: Size = Field(default=3, description="bits to be held")
        length: Size = Field(default=50, description="steps of a sequence")
        pulse: Share = Field(default=0.1, description="probability of a pulse, per channel and step")

    def __init__(self, options: Any):
        super().__init__(options)
        self.inputs = self.outputs = options.channels
        self.longest, self.step_bytes = options.length, 2 * options.channels + 1

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """Pulses and what they leave."""
        size = (count, self.options.length, self.options.channels)
        pulsed = random.random(size) < self.options.pulse
        pulsed[:, 0] = True
        signs = random.choice(np.array([-1, 1], np.int8), size)
        step = np.arange(self.options.length)[:, None]
        last = np.maximum.accumulate(np.where(pulsed, step, 0), axis=1)
        held = np.take_along_axis(signs, last, axis=1)
        lengths = np.full(count, self.options.length)
        return Sequences(signs * pulsed, (held > 0).astype(np.uint8), np.ones(size[:2], bool), lengths)
