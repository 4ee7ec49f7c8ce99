"""Settings of one stem that is taught from a simulator's state. Importing this imports no torch."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.errors import ConfigError, one_of
from rtrl_bench.rooms.dmlab_levels import LEVEL_SECONDS
from rtrl_bench.runs.settings import Amount, Device, LearningRate, Options, Positive, RunSettings, Seed, Size, Threads


class StemConfig(RunSettings):
    """A vision stem that is taught what is in view. The defaults take some minutes on one core."""

    method: ClassVar[str] = "state"  # as tables name it, beside the gradient methods that stems are pre-trained by

    kind: Literal["stems"] = Field(default="stems", description="the kind of run")
    environment: str = Field(description="level of the rooms backend (`python -m rtrl_bench list`)")
    environment_options: Options = Field(default={}, description="options of the environment")
    vision: str = Field(default="pooled", description="the stem: a name from agent/vision.py")
    features: Size = Field(default=256, description="F, the size of its output")
    env_steps: Amount = Field(default=400_000, description="images seen: a step in one slot counts one")
    slots: Size = Field(default=64, description="scripted players that are watched at the same time")
    buffer: Size = Field(default=12_800, description="newest frames, of which those to learn from are drawn")
    batch: Size = Field(default=128, description="frames of an update; there is one per step of all slots")
    learning_rate: LearningRate = Field(default=1e-3, description="of Adam; it falls to zero over the budget")
    none_weight: Positive = Field(
        default=0.15, description="weight in the loss of directions in which there is no object; those with one count 1"
    )
    seed: Seed = Field(default=0, description="of parameters, players and levels")
    device: Device = Field(default="auto", description="where the stem runs; auto: cuda where there is one")
    threads: Threads = Field(default=0, description="CPU threads of torch and of the simulator; 0: all that there are")
    checkpoint_minutes: Positive = Field(default=5.0, description="minutes between checkpoints")

    @model_validator(mode="after")
    def _has_labels(self) -> Self:
        if self.environment not in LEVEL_SECONDS:
            raise ConfigError(
                f"environment = {self.environment!r}, which has no state to teach from: "
                f"{one_of(self.environment, LEVEL_SECONDS)}"
            )
        return self

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        return f"{self.environment} stem {self.vision} from {self.method}, seed {self.seed}"
