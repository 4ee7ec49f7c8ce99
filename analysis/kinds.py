"""The kinds of run, and the tables and figures of each: found in their folders, named nowhere else.

A folder of this package that has a `load.py` is a kind. Its `__init__.py` says what the workflow and `make
verify-reference` have to know without loading anything; `load.py` makes rows of a run's files; each file in `tables/`
and `figures/` is one table or figure. Its docstring is what readers see: the first line is the title, the rest the
caption, in which ``code`` is the only markup.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import analysis

NOTE = "note"  # the one column, in its CSV file, of what has nothing to show
SUFFIXES = {"tables": (".csv", ".md", ".tex"), "figures": (".png", ".pdf", ".csv")}  # what each is written as
LAST = 1000  # place on the page of what does not say `PLACE = ...`


class NothingToShow(Exception):
    """Why a table or figure has nothing to show, in a few words; raised by its `build` or `draw`."""


@dataclass(frozen=True)
class Item:
    """A table or figure: its name, which is that of its file and of what is written, and what its docstring says."""

    name: str
    module: ModuleType

    @property
    def title(self) -> str:
        """The first line of the docstring, without the full stop."""
        return _paragraphs(self.module)[0].removesuffix(".")

    @property
    def caption(self) -> str:
        """The rest of the docstring as one line."""
        return " ".join(" ".join(_paragraphs(self.module)[1:]).split())


def kinds() -> list[str]:
    """The names of all kinds, in the order of the page."""
    packages = [name for _, name, is_package in pkgutil.iter_modules(analysis.__path__) if is_package]
    return _ordered({name: about(name) for name in packages if "load" in _names(about(name))})


def about(kind: str) -> ModuleType:
    """The kind's package, with RECORDS and REPEATED."""
    return importlib.import_module(f"analysis.{kind}")


def part(kind: str, name: str) -> ModuleType | None:
    """A file or folder of the kind's; None where it has none of this name."""
    return importlib.import_module(f"analysis.{kind}.{name}") if name in _names(about(kind)) else None


def names(what: str) -> list[str]:
    """The names of all `tables` or `figures`; no file of them is imported."""
    return [name for kind in kinds() for name in _names(part(kind, what))]


def records() -> list[str]:
    """The names of the records as loaded, which are written beside the tables."""
    return [*(name for kind in kinds() for name in getattr(about(kind), "RECORDS", ())), "problems"]


def items(what: str) -> list[Item]:
    """All `tables` or `figures`, kind by kind, in the order of the page."""
    found = []
    for kind in kinds():
        files = _names(part(kind, what))
        modules = {name: importlib.import_module(f"analysis.{kind}.{what}.{name}") for name in files}
        found += [Item(name, modules[name]) for name in _ordered(modules)]
    return found


def nothing(numbers: Path) -> str:
    """Why the CSV file of a table or figure has nothing to show; an empty string where it has."""
    with numbers.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return rows[0][0] if head == [NOTE] else ""


def _names(package: ModuleType | None) -> list[str]:
    return [] if package is None else [name for _, name, _ in pkgutil.iter_modules(package.__path__)]


def _ordered(modules: dict[str, ModuleType]) -> list[str]:
    return sorted(modules, key=lambda name: (getattr(modules[name], "PLACE", LAST), name))


def _paragraphs(module: ModuleType) -> list[str]:
    return (inspect.getdoc(module) or "").split("\n\n")
