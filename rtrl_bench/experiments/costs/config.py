"""Settings of the complexity study: which sweeps, over what, by which methods. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import ConfigError, one_of
from rtrl_bench.runs.settings import Amount, Depth, Device, Distinct, Positive, RunSettings, Settings, Size, Threads

Wanted = Literal["counted", "time", "memory"]


def _ascending(values: list[int]) -> list[int]:
    if values != sorted(set(values)):
        raise ConfigError("expected ascending integers >= 1 that differ from each other")
    return values


Ascending = Annotated[list[Amount], Field(min_length=1), AfterValidator(_ascending)]


class MethodConfig(Settings):
    """A method of a sweep."""

    cells: Distinct[str] = Field(default=["elstm"], min_length=1, description="recurrent cells")
    up_to: Amount | None = Field(
        default=None, description="largest value at which the method is counted and measured; null: all of them"
    )


class SweepConfig(Settings):
    """Costs along one axis."""

    axis: Literal["hidden", "inputs", "layers", "batch", "unroll", "episode"] = Field(
        description="the size that varies"
    )
    values: Ascending = Field(description="of the axis")
    methods: dict[str, MethodConfig | None] = Field(
        min_length=1, description="gradient methods, and what is special to them"
    )
    hidden: Size = Field(default=64, description="N, units of a layer")
    inputs: Size | None = Field(default=None, description="D, inputs of the lowest layer; null: as many as hidden")
    layers: Depth = Field(default=1, description="L, layers")
    batch: Size = Field(default=8, description="B, slots")
    unroll: Size = Field(default=20, description="M, steps of a segment")
    episode: Amount = Field(default=500, description="T, steps of an episode, which full BPTT keeps")
    want: Distinct[Wanted] = Field(
        default=["counted", "time", "memory"],
        description="what is determined besides the prediction: counts of operators, measured time, measured memory",
    )

    @model_validator(mode="after")
    def _methods_exist(self) -> Self:
        _check_methods(self.methods)
        return self

    def sizes(self, cell: str, value: int) -> Sizes:
        """All sizes at a value of the axis."""
        names = ("hidden", "inputs", "layers", "batch", "unroll", "episode")
        at = {name: getattr(self, name) for name in names} | {self.axis: value}
        return Sizes(cell, **at | {"inputs": at["inputs"] or at["hidden"]})

    def curves(self) -> Iterator[tuple[str, str, int]]:
        """(method, cell, largest value at which it is counted and measured) of every method and cell."""
        for name, given in self.methods.items():
            method = given or MethodConfig()
            for cell in method.cells:
                yield name, cell, self.values[-1] if method.up_to is None else method.up_to


class LimitsConfig(Settings):
    """Which networks fit into which memories, by prediction."""

    memory_gb: Ascending = Field(default=[8, 24, 80, 141], description="memories, in 10⁹ bytes")
    layers: Ascending = Field(default=[1, 2, 3], description="L, layers")
    methods: dict[str, list[str]] = Field(
        default={"bptt": ["elstm"], "rtrl": ["elstm"]}, description="gradient methods, each with its cells"
    )
    inputs: Size = Field(default=257, description="D, inputs of the lowest layer")
    batch: Size = Field(default=32, description="B, slots")
    unroll: Size = Field(default=50, description="M, steps of a segment")
    episode: Amount = Field(default=1000, description="T, steps of an episode, which full BPTT keeps")

    @model_validator(mode="after")
    def _methods_exist(self) -> Self:
        _check_methods(self.methods)
        return self

    def sizes(self, cell: str, layers: int) -> Sizes:
        """Sizes of one unit, of which the largest number is searched."""
        return Sizes(cell, layers, 1, self.inputs, self.batch, self.unroll, self.episode)


class StudyConfig(RunSettings):
    """The study, on whatever machine."""

    sweeps: dict[str, SweepConfig] = Field(description="what varies, by name")
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="the largest layers that fit into memories")
    repeats: Amount = Field(default=7, description="how often a segment is timed")
    seconds: Positive = Field(
        default=2.0, description="seconds after which points timed in turn are no longer repeated"
    )
    memory_gb: Positive | None = Field(
        default=None, description="10⁹ bytes that a point may be predicted to take; null: half of what is free"
    )


class ComplexityConfig(StudyConfig):
    """The study, and where it is made."""

    kind: Literal["costs"] = Field(default="costs", description="the kind of run")
    device: Device = Field(default="auto", description="where it is measured; auto: cuda where there is one")
    threads: Threads = Field(default=0, description="CPU threads of torch; 0: all that the process may use")
    checkpoint_minutes: Positive = Field(default=0.25, description="minutes between checkpoints")

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        return f"costs of {', '.join(self.sweeps)}"

    def check_methods(self) -> None:
        """Refuse (ConfigError) cells that do not exist and methods that do not take them. Imports torch."""
        for name, sweep in self.sweeps.items():
            for method, cell, _ in sweep.curves():
                for value in sweep.values:
                    _check_possible(f"sweeps.{name}", method, sweep.sizes(cell, value))
        for method, cells in self.limits.methods.items():
            for cell in cells:
                _check_possible("limits", method, self.limits.sizes(cell, layers=1))


def _check_methods(names: Iterable[str]) -> None:
    for name in names:
        if name not in METHODS:
            raise ConfigError(f"methods: unknown method {name!r}: {one_of(name, METHODS)}")


def _check_possible(where: str, method: str, sizes: Sizes) -> None:
    try:
        predict(method, sizes)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
