"""Tasks: one file each, with what it shows, what it asks for, and when it counts as solved. No torch is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry
from rtrl_bench.runs.settings import Settings, build

Array = NDArray[Any]


class Sequences(NamedTuple):
    """n sequences, padded to the same T: what is shown, and what is asked for.

    x (n, T, D) of any type; y (n, T, Y), which `answers` says how to read; asked (n, T) bool, where an answer counts;
    lengths (n,), steps of each.
    """

    x: Array
    y: Array
    asked: Array
    lengths: Array


class Task:
    """A sequence task with its options.

    answers: `bits`, y of 0 and 1, each to be told by the sign of an output; `values`, y to be met within `tolerance`;
    `symbols`, y (n, T, 1 + C): the one of C symbols that follows, and for each whether it is right to expect it.
    outputs: how many the network has. longest: T. step_bytes: of a step of Sequences. solved: the share of sequences
    answered right, at every step where an answer counts, from which the task counts as solved.
    """

    answers: ClassVar[Literal["bits", "values", "symbols"]]
    solved: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.0
    inputs: int
    outputs: int
    longest: int
    step_bytes: int
    package: ClassVar[str | None] = None  # that it needs, an extra of the project under the task's name

    class Options(Settings):
        """Of the task's own, with their defaults."""

    def __init__(self, options: Any):
        self.options = options

    def draw(self, counts: Sequence[int], random: np.random.Generator) -> list[Sequences]:
        """So many sequences to train on, to validate on, to test on, drawn from `random`.

        ConfigError if one of them asks for nothing: whatever is answered would be right.
        """
        found = self.parts(counts, random)
        silent = sum(int((~data.asked.any(axis=1)).sum()) for data in found)
        if silent:
            raise ConfigError(
                f"task_options = {self.options.model_dump()}: {silent} of {sum(counts)} sequences ask for no answer; "
                "expected options with which every sequence asks for one"
            )
        return found

    def parts(self, counts: Sequence[int], random: np.random.Generator) -> list[Sequences]:
        """The same, not looked at yet."""
        return [self.sequences(count, random) for count in counts]

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """`count` sequences."""
        raise TypeError(f"{type(self).__name__} must define sequences")


TASKS: Registry[type[Task]] = Registry("sequence task", "rtrl_bench.experiments.sequences.tasks")


def make_task(name: str, options: Mapping[str, Any]) -> Task:
    """UnknownName if there is no such task; ConfigError for an option that it does not take."""
    kind = TASKS[name]
    try:
        return kind(build(kind.Options, options))
    except ConfigError as error:
        raise ConfigError(f"task_options of task {name}: {error}") from None


def one_hot(symbols: Array, count: int) -> Array:
    """(...) -> (..., count)."""
    return np.eye(count, dtype=np.uint8)[symbols]
