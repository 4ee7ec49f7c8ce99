"""One run is one `RunConfig`: read from YAML, checked completely before any work starts, never changed after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.recurrent import RecurrentSettings
from rtrl_bench.runs.settings import (
    Amount,
    Decay,
    Device,
    Distinct,
    LearningRate,
    NotNegative,
    Options,
    Positive,
    Seed,
    Settings,
    Share,
    Size,
    Threads,
    build,
    load_settings,
)


class OptimiserConfig(Settings):
    """RMSProp with a linear decay to zero (paper, appendix on hyper-parameters: over the budget)."""

    learning_rate: LearningRate = Field(default=6e-4, description="at the start")
    decay_steps: Amount | None = Field(
        default=None,
        description="agent steps after which the learning rate is zero, at least env_steps, so that a run can be the "
        "first part of a longer one; null: env_steps",
    )
    alpha: Decay = Field(default=0.99, description="decay of the mean square, per update")
    epsilon: Positive = Field(default=0.01, description="added to the root of the mean square")
    momentum: Decay = Field(default=0.0, description="decay of the velocity, per update")
    gradient_clip: Positive = Field(default=40.0, description="largest global norm of the gradient")


class LossConfig(Settings):
    """V-trace actor-critic loss, summed over time and batch (Espeholt et al. 2018; values of the paper)."""

    discount: Share = Field(default=0.99, description="per agent step")
    entropy_cost: NotNegative = Field(default=0.01, description="weight of the negative entropy")
    baseline_cost: NotNegative = Field(default=0.5, description="weight of the value function's loss")
    reward_clip: Positive = Field(default=1.0, description="rewards are clipped to ± this")
    rho_bar: Positive = Field(default=1.0, description="upper limit of the importance weights of the errors")
    c_bar: Positive = Field(default=1.0, description="upper limit of the importance weights of the trace")
    pg_rho_bar: Positive = Field(default=1.0, description="upper limit of the importance weights of the advantages")
    vtrace_lambda: Share = Field(default=1.0, description="λ, decay of the trace per step")
    bootstrap_truncation: bool = Field(
        default=False,
        description="beyond a time limit, true: count the value of the last observation; false: count nothing, as in "
        "the paper",
    )


class EvaluationConfig(Settings):
    """Greedy evaluation at the end of training: `sets` x `episodes`."""

    sets: Amount = Field(default=3, description="sets of episodes, each with seeds of its own")
    episodes: Amount = Field(default=100, description="episodes of a set")
    max_steps: Amount | None = Field(
        default=None,
        description="steps after which an episode is cut; null: 10 000 where the environment has no limit of its own",
    )


class PretrainedConfig(Settings):
    """The finished run whose vision stem, its linear layer included, is taken over and frozen."""

    run: str = Field(description="its folder, absolute or relative to the current one")
    fingerprint: str | None = Field(
        default=None,
        description="of its configuration; null takes the complete run that is there, and the harness fills it in",
    )


class TruncationConfig(Settings):
    """How training compares TBPTT's gradient at several M with the exact one (truncation.csv)."""

    points: Amount = Field(default=15, description="how often, at updates drawn all along training")
    unrolls: Distinct[Size] = Field(
        default=[5, 10, 20, 50, 100], min_length=1, description="values of M; they need not be the run's own"
    )


class RunConfig(RecurrentSettings):
    """Everything that decides a training run."""

    kind: Literal["reinforcement"] = Field(default="reinforcement", description="the kind of run")
    environment: str = Field(description="name of the environment (`python -m rtrl_bench list`)")
    env_steps: Amount = Field(description="training budget: agent steps, summed over all environments")
    environment_options: Options = Field(default={}, description="options of the environment")
    backend: str = Field(
        default="auto",
        description="simulator of the environment; auto: that of its vision stem, or the first that runs here",
    )
    vision: str = Field(default="impala", description="vision stem; flat: none, for vectors")
    features: Size = Field(default=256, description="outputs of the vision stem's linear layer")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="of the vision stem's convolutions and products; everything after it stays float32. bfloat16 makes "
        "impala and nature themselves two to four times as fast where the processor multiplies in it (AMX, GPUs)",
    )
    last_reward_across_episodes: bool = Field(
        default=False,
        description="last reward at an episode's first step; true: the last one of the episode before; false: zero",
    )
    pretrained: PretrainedConfig | None = Field(
        default=None, description="run that the vision stem comes from; null: it is trained from scratch"
    )
    optimiser: OptimiserConfig = Field(default_factory=OptimiserConfig, description="RMSProp")
    loss: LossConfig = Field(default_factory=LossConfig, description="V-trace actor-critic")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, description="greedy play after training")
    truncation: TruncationConfig | None = Field(
        default=None,
        description="compare TBPTT's gradient at several M with the exact one (truncation.csv); null: do not",
    )
    seed: Seed = Field(default=0, description="of parameters, actions and environments")
    deterministic: bool = Field(
        default=True, description="true: act and learn in turn; false: at the same time, acting one update behind"
    )
    device: Device = Field(default="auto", description="where the network runs; auto: cuda where there is one")
    memory_gb: Positive | None = Field(
        default=None,
        description="GB (10⁹ bytes) that the run may use on top of program and simulator; null: all that is free",
    )
    threads: Threads = Field(
        default=0,
        description="CPU threads of torch and of the simulator; 0: for the simulator all that the process may use, for "
        "torch as many of them as pay off at the network's size",
    )
    log_points: Amount = Field(default=100, description="rows of curve.csv")
    checkpoint_minutes: Positive = Field(default=5.0, description="minutes between checkpoints")
    tensorboard: bool = Field(default=False, description="write TensorBoard files too")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.pretrained is not None and self.vision == "flat":
            raise ConfigError("pretrained: vision = 'flat' has no parameters to take over; remove the key")
        decay_steps = self.optimiser.decay_steps
        if decay_steps is not None and decay_steps < self.env_steps:
            raise ConfigError(
                f"optimiser.decay_steps = {decay_steps} is less than env_steps = {self.env_steps}: the learning rate "
                "would be zero before the end; raise it, or remove the key"
            )
        if self.precision != "float32" and self.vision == "flat":
            raise ConfigError(f"precision = {self.precision!r}: vision = 'flat' computes nothing; remove the key")
        return self

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        options = "".join(f" {key}={value}" for key, value in self.environment_options.items())
        return f"{self.environment}{options} {self.method} M={self.unroll} seed {self.seed}"


def from_dict(values: Mapping[str, Any]) -> RunConfig:
    """Build a RunConfig, refusing unknown keys, missing keys, wrong types and values out of range (ConfigError)."""
    return build(RunConfig, values)


def load(path: str | Path) -> RunConfig:
    """Read and check the run configuration in a YAML file."""
    return load_settings(RunConfig, path)
