"""Cells, gradient methods, kinds of run and sequence tasks, as `python -m rtrl_bench list` prints them."""

from __future__ import annotations

import sys
from typing import Any

from rtrl_bench.cells import CELLS, ElementwiseCell
from rtrl_bench.envs.listing import table
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.tasks import TASKS
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.registry import Registry


def list_choices() -> str:
    """A table of each."""
    others: dict[str, Registry[Any]] = {"gradient": GRADIENTS, "kind of run": KINDS, "sequence task": TASKS}
    return "\n\n".join([list_cells(), *(list_names(title, registry) for title, registry in others.items())])


def list_cells() -> str:
    """A table of every cell: its rows of u, of the state and of w, whether exact RTRL takes it, and what it is."""
    rows = []
    for name in CELLS:
        cell = CELLS[name]()
        exact = "yes" if isinstance(cell, ElementwiseCell) else "no"
        rows.append((name, str(len(cell.gates)), str(len(cell.state)), exact, _about(cell)))
    return table(("cell", "gates", "numbers a unit", "exact RTRL", "what it is"), rows)


def list_names(title: str, registry: Registry[Any]) -> str:
    """A table of all that is registered: the name, below `title`, and what it is."""
    return table((title, "what it is"), [(name, _about(registry[name])) for name in registry])


def _about(registered: Any) -> str:
    """The first line of its file."""
    return (sys.modules[registered.__module__].__doc__ or "").partition("\n")[0]
