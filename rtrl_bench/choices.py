"""Cells, gradient methods, kinds of run and sequence tasks, as `python -m rtrl_bench list` prints them."""

from __future__ import annotations

import sys
from typing import Any

from rtrl_bench.cells import CELLS, ElementwiseCell
from rtrl_bench.envs.listing import table
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.tasks import TASKS
from rtrl_bench.gradients import GRADIENTS


def list_cells() -> str:
    """A table of every cell: its rows of u, of the state and of w, whether exact RTRL takes it, and what it is."""
    rows = []
    for name in CELLS:
        cell = CELLS[name]()
        exact = "yes" if isinstance(cell, ElementwiseCell) else "no"
        rows.append((name, str(len(cell.gates)), str(len(cell.state)), exact, _about(CELLS[name])))
    return table(("cell", "gates", "numbers a unit", "exact RTRL", "what it is"), rows)


def list_gradients() -> str:
    """A table of every gradient method."""
    return table(("gradient", "what it is"), [(name, _about(GRADIENTS[name])) for name in GRADIENTS])


def list_kinds() -> str:
    """A table of every kind of run."""
    return table(("kind of run", "what it is"), [(name, _about(type(KINDS[name]))) for name in KINDS])


def list_tasks() -> str:
    """A table of every sequence task."""
    return table(("sequence task", "what it is"), [(name, _about(TASKS[name])) for name in TASKS])


def _about(registered: type[Any]) -> str:
    """The first line of its file."""
    return (sys.modules[registered.__module__].__doc__ or "").partition("\n")[0]
