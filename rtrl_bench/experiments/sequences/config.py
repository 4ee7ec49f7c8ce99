"""Settings of one run on a sequence task. Importing this imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.recurrent import RecurrentSettings
from rtrl_bench.runs.settings import Amount, Decay, Device, LearningRate, Options, Positive, Seed, Share, Size, Threads


class SequenceConfig(RecurrentSettings):
    """One run on a sequence task. The defaults are the paper's values for the copy task."""

    kind: Literal["sequences"] = Field(default="sequences", description="the kind of run")
    task: str = Field(description="name of the task (`python -m rtrl_bench list`)")
    task_options: Options = Field(default={}, description="options of the task")
    steps: Amount = Field(description="budget, in steps of each of the batch's slots")
    update: Literal["segment", "sequence"] = Field(
        default="segment",
        description="when parameters change; segment: after every segment of a stream of sequences; sequence: after "
        "every batch of whole sequences",
    )
    unroll: Size = Field(default=1, description="M, steps of a segment: between two updates; 1: fully online")
    hidden: Size = Field(default=2048, description="N, units of a recurrent layer")
    batch: Size = Field(default=128, description="B, sequences read at the same time")
    learning_rate: LearningRate = Field(default=3e-5, description="of Adam")
    adam_beta1: Decay = Field(default=0.9, description="Adam's decay of the mean, per update")
    adam_beta2: Decay = Field(default=0.995, description="Adam's decay of the mean square, per update")
    adam_epsilon: Positive = Field(default=1e-9, description="added to the root of the mean square")
    gradient_clip: Positive = Field(default=1.0, description="largest global norm of the gradient")
    train_size: Amount = Field(default=10_000, description="sequences to train on")
    valid_size: Amount = Field(default=1_000, description="sequences to validate on")
    test_size: Amount = Field(default=1_000, description="sequences to test on")
    test_options: list[Options] = Field(
        default=[], description="options of further tests, each on `test_size` sequences, on top of `task_options`"
    )
    curriculum: Share | None = Field(
        default=None,
        description="train on the shortest sequences first, and at a validation add those of the next length if this "
        "share of the sequences so far is right; null: on all lengths from the start",
    )
    validations: Amount = Field(default=50, description="rows of curve.csv, if the task is not solved before the end")
    seed: Seed = Field(default=0, description="of parameters and data")
    device: Device = Field(default="auto", description="where the network runs; auto: cuda where there is one")
    threads: Threads = Field(default=0, description="CPU threads of torch; 0: as many as pay off at the network's size")
    checkpoint_minutes: Positive = Field(default=5.0, description="minutes between checkpoints")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.update == "sequence" and self.unroll != 1:
            raise ConfigError(f"unroll = {self.unroll}: with update: sequence there are no segments; remove the key")
        if self.update == "sequence" and self.gradient == "tbptt" and self.window != "episode":
            raise ConfigError(f"window = {self.window}: update: sequence keeps whole sequences; use window: episode")
        return self

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        options = "".join(f" {key}={value}" for key, value in self.task_options.items())
        m = "" if self.update == "sequence" else f" M={self.unroll}"
        return f"{self.task}{options} {self.method}{m} seed {self.seed}"
