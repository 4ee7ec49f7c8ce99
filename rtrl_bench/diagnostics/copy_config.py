"""Settings of one copy-task run. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rtrl_bench.config import build, fingerprint_of, load_yaml, to_dict
from rtrl_bench.errors import ConfigError


@dataclass(frozen=True)
class CopyConfig:
    """One copy-task run. `steps` are updates; `unroll` is the window of tbptt, in steps."""

    max_length: int
    method: Literal["rtrl", "tbptt", "bptt"]
    steps: int
    update: Literal["online", "sequence"] = "online"
    unroll: int | None = None
    hidden: int = 2048
    batch: int = 1
    learning_rate: float = 3e-5
    adam_beta1: float = 0.9
    adam_beta2: float = 0.995
    adam_epsilon: float = 1e-9
    gradient_clip: float = 1.0
    retention: float | None = None
    train_size: int = 10_000
    valid_size: int = 1_000
    test_size: int = 1_000
    validations: int = 50  # rows of curve.csv
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        low = dict.fromkeys(("max_length", "steps", "hidden", "batch", "train_size", "valid_size", "test_size"), 1)
        for name, least in {**low, "validations": 1, "seed": 0, "threads": 0}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected an integer >= {least}")
        for name in ("learning_rate", "adam_epsilon", "gradient_clip", "checkpoint_minutes"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected a number > 0")
        for name in ("adam_beta1", "adam_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected a number in [0, 1)")
        if self.retention is not None and self.retention <= 1:
            raise ConfigError(f"retention = {self.retention}: expected a number > 1")
        if (self.unroll is not None) != (self.method == "tbptt") or (self.unroll is not None and self.unroll < 1):
            raise ConfigError(f"unroll = {self.unroll}: method: tbptt needs it (>= 1), the others have none")
        if self.method == "tbptt" and self.update == "sequence":
            raise ConfigError("update = sequence: method: tbptt is online here; use method: bptt or update: online")

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        return f"copy task {self.max_length} {self.method} seed {self.seed}"

    def fingerprint(self) -> str:
        """Changes with anything that can change the result."""
        return fingerprint_of(to_dict(self))


def load_copy_config(path: Path) -> CopyConfig:
    """Read and check a copy-task configuration (ConfigError)."""
    values = load_yaml(path)
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: expected keys and values")
    try:
        config: CopyConfig = build(CopyConfig, values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config
