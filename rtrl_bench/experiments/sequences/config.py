"""Settings of one copy-task run. Importing this imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.settings import (
    Amount,
    Decay,
    Device,
    LearningRate,
    Positive,
    Retention,
    RunSettings,
    Seed,
    Size,
    Threads,
)


class CopyConfig(RunSettings):
    """One copy-task run. The defaults are the paper's values."""

    kind: Literal["sequences"] = Field(default="sequences", description="the kind of run")
    max_length: Size = Field(description="bits of the longest pattern")
    method: Literal["rtrl", "tbptt", "bptt"] = Field(description="gradient method")
    steps: Amount = Field(description="budget, in updates")
    update: Literal["online", "sequence"] = Field(
        default="online", description="when parameters change: after every step, or after a batch of sequences"
    )
    unroll: Size | None = Field(default=None, description="steps of a segment of method: tbptt; null for the others")
    hidden: Size = Field(default=2048, description="N, units of the recurrent layer")
    batch: Size = Field(default=128, description="B, sequences read at the same time")
    learning_rate: LearningRate = Field(default=3e-5, description="of Adam")
    adam_beta1: Decay = Field(default=0.9, description="Adam's decay of the mean, per update")
    adam_beta2: Decay = Field(default=0.995, description="Adam's decay of the mean square, per update")
    adam_epsilon: Positive = Field(default=1e-9, description="added to the root of the mean square")
    gradient_clip: Positive = Field(default=1.0, description="largest global norm of the gradient")
    retention: Retention | None = Field(
        default=None, description="steps: longest memory of a unit at the start; null: as in the cell's paper"
    )
    train_size: Amount = Field(default=10_000, description="sequences to train on")
    valid_size: Amount = Field(default=1_000, description="sequences to validate on")
    test_size: Amount = Field(default=1_000, description="sequences to test on")
    validations: Amount = Field(default=50, description="rows of curve.csv")
    seed: Seed = Field(default=0, description="of parameters and data")
    device: Device = Field(default="auto", description="where the network runs; auto: cuda where there is one")
    threads: Threads = Field(default=0, description="CPU threads of torch; 0: those that pay for the network's size")
    checkpoint_minutes: Positive = Field(default=5.0, description="minutes between checkpoints")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.unroll is not None) != (self.method == "tbptt"):
            raise ConfigError(f"unroll = {self.unroll}: method: tbptt needs it (>= 1), the others have none")
        if self.method == "tbptt" and self.update == "sequence":
            raise ConfigError("update = sequence: method: tbptt is online here; use method: bptt or update: online")
        return self

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        return f"copy task {self.max_length} {self.method} seed {self.seed}"
