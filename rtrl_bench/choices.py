"""Cells, gradient methods, kinds of run and sequence tasks, as `python -m rtrl_bench list` prints them."""

from __future__ import annotations

import sys
from typing import Any

from rtrl_bench.cells import CELLS, Cell
from rtrl_bench.envs.listing import table
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.tasks import TASKS
from rtrl_bench.gradients import GRADIENTS, make_method
from rtrl_bench.registry import Registry


def list_choices() -> str:
    """A table of each."""
    others: dict[str, Registry[Any]] = {"gradient": GRADIENTS, "kind of run": KINDS, "sequence task": TASKS}
    return "\n\n".join([list_cells(), *(list_names(title, registry) for title, registry in others.items())])


def list_cells() -> str:
    """A table of every cell: its rows of u and of the state, which gradient is its exact RTRL, and what it is."""
    rows = []
    for name in CELLS:
        cell = CELLS[name]()
        rows.append((name, str(len(cell.gates)), str(len(cell.state)), _exact(cell), _about(cell)))
    return table(("cell", "gates", "numbers a unit", "exact RTRL", "what it is"), rows)


def list_names(title: str, registry: Registry[Any]) -> str:
    """A table of all that is registered: the name, below `title`, and what it is."""
    return table((title, "what it is"), [(name, _about(registry[name])) for name in registry])


def _exact(cell: Cell) -> str:
    """The gradient method that is exact for a layer of the cell: the cheaper one, where two are."""
    for gradient in ("rtrl", "rtrl_dense"):
        try:
            make_method(gradient, cell)
        except ConfigError:
            continue
        return gradient
    return "none"


def _about(registered: Any) -> str:
    """The first line of its file."""
    return (sys.modules[registered.__module__].__doc__ or "").partition("\n")[0]
