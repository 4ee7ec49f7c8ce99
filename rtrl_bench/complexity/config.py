"""Settings of the complexity study: which sweeps, over what, by which methods. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rtrl_bench.complexity.predict import METHODS, predict
from rtrl_bench.complexity.shapes import Sizes
from rtrl_bench.config import build, fingerprint_of, load_yaml, to_dict
from rtrl_bench.errors import ConfigError

Wanted = Literal["counted", "time", "memory"]


@dataclass(frozen=True)
class MethodConfig:
    """A method of a sweep. `up_to`: the largest value at which it is counted and measured (None: all of them)."""

    cells: list[str] = field(default_factory=lambda: ["elstm"])
    up_to: int | None = None


@dataclass(frozen=True)
class SweepConfig:
    """Costs along one axis. `values` are those of the axis; the other sizes are fixed, `inputs` None: as many as N.

    `want`: what is found out besides the prediction, of counted (by the compiler), time and memory (measured).
    """

    axis: Literal["hidden", "inputs", "layers", "batch", "unroll", "episode"]
    values: list[int]
    methods: dict[str, MethodConfig | None]
    hidden: int = 64
    inputs: int | None = None
    layers: int = 1
    batch: int = 8
    unroll: int = 20
    episode: int = 500
    want: list[Wanted] = field(default_factory=lambda: ["counted", "time", "memory"])

    def __post_init__(self) -> None:
        _check_ascending("values", self.values)
        if not self.methods:
            raise ConfigError(f"methods = {{}}: expected some of {', '.join(METHODS)}")
        for name, method in self.methods.items():
            _check_method(name)
            if method is not None and not method.cells:
                raise ConfigError(f"methods.{name}.cells = []: expected at least one cell")
        Sizes("any", **self._fixed())  # refuses what is no size

    def sizes(self, cell: str, value: int) -> Sizes:
        """All sizes at a value of the axis."""
        return Sizes(cell, **self._fixed(**{self.axis: value}))

    def _fixed(self, **changes: int) -> dict[str, int]:
        at = {name: getattr(self, name) for name in ("hidden", "inputs", "layers", "batch", "unroll", "episode")}
        at |= changes
        if at["inputs"] is None:
            at["inputs"] = at["hidden"]
        return at

    def curves(self) -> Iterator[tuple[str, str, int]]:
        """(method, cell, largest value at which it is counted and measured) of every method and cell."""
        for name, given in self.methods.items():
            method = given or MethodConfig()
            for cell in method.cells:
                yield name, cell, self.values[-1] if method.up_to is None else method.up_to


@dataclass(frozen=True)
class LimitsConfig:
    """Which networks fit into which memories, by prediction. Methods by cell."""

    memory_gb: list[int] = field(default_factory=lambda: [8, 24, 80, 141])
    layers: list[int] = field(default_factory=lambda: [1, 2, 3])
    methods: dict[str, list[str]] = field(default_factory=lambda: {"bptt": ["elstm"], "rtrl": ["elstm"]})
    inputs: int = 257
    batch: int = 32
    unroll: int = 50
    episode: int = 1000

    def __post_init__(self) -> None:
        for name in ("memory_gb", "layers"):
            _check_ascending(name, getattr(self, name))
        for name in self.methods:
            _check_method(name)
        self.sizes("any", 1)

    def sizes(self, cell: str, layers: int) -> Sizes:
        """Sizes of one unit, of which the largest number is searched."""
        return Sizes(cell, layers, 1, self.inputs, self.batch, self.unroll, self.episode)


@dataclass(frozen=True)
class ComplexityConfig:
    """The study. `memory_gb`: what a point may be predicted to take (None: half of what is free when it starts)."""

    sweeps: dict[str, SweepConfig]
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    repeats: int = 7  # of a timed segment
    seconds: float = 2.0  # after which points that are timed in turn are repeated no more
    memory_gb: float | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0  # 0: all that the process may use

    def __post_init__(self) -> None:
        for name, least in (("repeats", 1), ("threads", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected an integer >= {least}")
        for name in ("seconds", "memory_gb"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} = {value}: expected a number > 0")

    def fingerprint(self) -> str:
        """Changes with anything that can change the result, but the machine."""
        return fingerprint_of(to_dict(self))

    def check_methods(self) -> None:
        """Refuse (ConfigError) cells that do not exist and methods that do not take them. Imports torch."""
        for name, sweep in self.sweeps.items():
            for method, cell, _ in sweep.curves():
                for value in sweep.values:
                    _check_possible(f"sweeps.{name}", method, sweep.sizes(cell, value))
        for method, cells in self.limits.methods.items():
            for cell in cells:
                _check_possible("limits", method, self.limits.sizes(cell, layers=1))


def load_complexity_config(path: Path) -> ComplexityConfig:
    """Read and check the configuration of a study (ConfigError)."""
    values = load_yaml(path)
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: expected keys and values")
    try:
        config: ComplexityConfig = build(ComplexityConfig, values)
        config.check_methods()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def _check_ascending(name: str, values: Sequence[int]) -> None:
    if not values or values[0] < 1 or list(values) != sorted(set(values)):
        raise ConfigError(f"{name} = {values!r}: expected ascending integers >= 1 that differ from each other")


def _check_method(name: str) -> None:
    if name not in METHODS:
        raise ConfigError(f"unknown method {name!r}: expected one of {', '.join(METHODS)}")


def _check_possible(where: str, method: str, sizes: Sizes) -> None:
    try:
        predict(method, sizes)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
