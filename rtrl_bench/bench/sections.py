"""A section of the benchmark: what it measures, one item after the other, and how its rows are printed."""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rtrl_bench.errors import EnvironmentUnavailable

Row = Mapping[str, Any]
"""What an item measured: plain values by name, units in the names."""


class Setup(NamedTuple):
    """Where to measure, for how long, and whether only to see that all of it runs (`small`): numbers mean nothing.

    `stem`: the folder of a finished pre-training, which the runs that learn take over.
    """

    device: torch.device
    small: bool = False
    seconds: float = math.inf
    stem: Path | None = None


class Item(NamedTuple):
    """One measurement, in words, and what makes its row."""

    name: str
    measure: Callable[[], Row]


class Column(NamedTuple):
    """A value of the rows in the printed table; `scale` is what it is multiplied by there."""

    key: str
    title: str
    form: str = ",.2f"
    scale: float = 1

    @property
    def width(self) -> int:
        return max(len(self.title) + 2, 9)

    def text(self, row: Row) -> str:
        """The value, or a dash where the row has none."""
        value = row.get(self.key)
        if value is None:
            return "-"
        return format(value * self.scale, self.form) if isinstance(value, int | float) else str(value)


class Section(NamedTuple):
    """Items in the order of their importance, and the table that is printed of them."""

    title: str
    items: Callable[[Setup], Iterable[Item]]
    columns: tuple[Column, ...]
    required: str = ""


@dataclass
class Outcome:
    """What came of a section."""

    budget_s: float | None
    took_s: float = 0.0
    rows: list[Row] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


def run(section: Section, setup: Setup, changed: Callable[[Outcome], None]) -> Outcome:
    """Measure the items while the setup's seconds last, print each one's row, and tell `changed` after each.

    An item is begun only if one as long as the last would fit. One that fails is reported and passed over.
    """
    outcome = Outcome(setup.seconds if math.isfinite(setup.seconds) else None)
    began, last = time.perf_counter(), 0.0
    items = list(section.items(setup))
    label = max(len(item.name) for item in items) + 2
    print(f"\n{section.title}")
    print(" " * label + "".join(f"{c.title:>{c.width}}" for c in section.columns), flush=True)
    answers = _answers(setup.device)
    for item in items:
        left = setup.seconds - outcome.took_s
        if not answers:
            said = _leave_out(outcome, item, "the GPU answers no more in this process, after an error")
        elif left <= last:
            said = _leave_out(outcome, item, f"{max(left, 0):.0f} s are left for it")
        else:
            said = _measure(outcome, item, section.columns)
            last = time.perf_counter() - began - outcome.took_s
            answers = _answers(setup.device)
        print(f"{item.name:<{label}}{said}", flush=True)
        outcome.took_s = time.perf_counter() - began
        changed(outcome)
    if section.required:
        print(section.required, flush=True)
    return outcome


def _answers(device: torch.device) -> bool:
    """Whether the device still works for this process; some errors of a GPU are met by every later call again."""
    if device.type == "cuda":
        try:
            torch.cuda.synchronize(device)
        except RuntimeError:
            return False
    return True


def _measure(outcome: Outcome, item: Item, columns: Iterable[Column]) -> str:
    """Put the item's row, or why there is none, into `outcome`; what the table says of it."""
    try:
        row = item.measure()
    except EnvironmentUnavailable as error:
        return _leave_out(outcome, item, str(error))
    except Exception as error:  # of whatever kind: what was measured before and what comes after is kept
        traceback.print_exc(file=sys.stderr)
        outcome.failed.append({"name": item.name, "error": f"{type(error).__name__}: {error}"})
        return f"FAILED: {type(error).__name__}: {error}"[:200]
    outcome.rows.append({"name": item.name, **row})
    return "".join(f"{column.text(row):>{column.width}}" for column in columns)


def _leave_out(outcome: Outcome, item: Item, why: str) -> str:
    outcome.left_out.append({"name": item.name, "why": why})
    return f"left out: {why}"
