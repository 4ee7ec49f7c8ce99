"""A run in progress: what every kind of it can do. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rtrl_bench.runs import records

if TYPE_CHECKING:
    import torch


class Table(NamedTuple):
    """The content of a CSV file; None is an empty field."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


Content = Table | Mapping[str, Any]
"""Of a CSV or a JSON file."""


class Result(NamedTuple):
    """What a finished run leaves: the contents of its files by name, and what is its own in the record."""

    files: dict[str, Content]
    record: dict[str, Any]


class Work:
    """A run in progress on `device`. Between two updates its state can be saved, and another process can go on from it.

    per_update: how much of its kind's `amount` an update is. stops_at_once: a signal ends it in the middle of an
    update, which may take minutes.
    """

    device: torch.device
    updates: int
    per_update: int = 1
    stops_at_once = False

    def updates_made(self) -> int:
        """How many updates lie behind it."""
        return self.updates

    def update(self) -> None:
        """Take one step of the work."""
        raise TypeError(f"{type(self).__name__} must define update")

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Work to the end, or until `should_stop()`; calls `after_update` after each update."""
        raise TypeError(f"{type(self).__name__} must define run")

    def result(self) -> Result:
        """What comes of it: called once, after the end and `close`."""
        raise TypeError(f"{type(self).__name__} must define result")

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, as tensors and plain values."""
        raise TypeError(f"{type(self).__name__} must define state")

    def restore(self, state: dict[str, Any]) -> str:
        """Go on from `state()`; says how, and from where: "exactly from update 7".

        Raises whatever comes of a state that does not fit: see `checkpoint.fitting`.
        """
        raise TypeError(f"{type(self).__name__} must define restore")

    def unfinished(self) -> dict[str, Content]:
        """Files that are written with every checkpoint and gone at the end, for those who look on."""
        return {}

    def close(self) -> None:
        """End what runs beside this process."""


def write(folder: Path, files: Mapping[str, Content]) -> None:
    """Write the files, each whole or not at all, in their order."""
    for name, content in files.items():
        if isinstance(content, Table):
            records.write_csv(folder / name, content.columns, content.rows)
        else:
            records.write_json(folder / name, content)
