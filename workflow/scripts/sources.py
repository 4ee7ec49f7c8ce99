"""Which source files a step runs: for the analysis its module, what that imports, and the package's data."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, HARNESS = "analysis", "rtrl_bench"
DATA = ("*/*.csv", "*.mplstyle", "templates/*")
ROOMS = "rtrl_bench/rooms"


def analysis_sources(step: str) -> list[str]:
    """The files of this project that `python -m analysis.<step>` uses, such as the settings' classes."""
    package = ROOT / PACKAGE
    found: set[Path] = set()
    waiting = [package / f"{step}.py", package / "__init__.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return _from_here(found | {path for kind in DATA for path in package.glob(kind)})


def rooms_sources() -> list[str]:
    """The files of the embedded DMLab levels and the recordings they are held against."""
    return _from_here(path for kind in ("*.py", "recordings/*.npz") for path in (ROOT / ROOMS).glob(kind))


def _from_here(paths: Iterable[Path]) -> list[str]:
    """Paths from the current folder, so that a project as a whole can be moved."""
    return sorted(Path(os.path.relpath(path)).as_posix() for path in paths)


def _imported(path: Path) -> Iterator[Path]:
    """The project's modules that a file imports, anywhere in it.

    A module of the analysis also imports what the kinds' folders have under its name, as analysis/kinds.py finds it:
    `tables.py` every file of every kind's `tables/`.
    """
    if path.parent == ROOT / PACKAGE:
        yield from (found for found in path.parent.glob(f"*/{path.name}"))
        yield from (found for found in path.parent.glob(f"*/{path.stem}/*.py"))
    if path == ROOT / PACKAGE / "kinds.py":  # which finds them by name
        yield from (found for name in ("__init__", "answer") for found in path.parent.glob(f"*/{name}.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            base = ROOT.joinpath(*name.split("."))
            files = [base.with_suffix(".py"), *([base / "__init__.py"] if name.startswith(f"{PACKAGE}.") else [])]
            if name.split(".")[0] in (PACKAGE, HARNESS):
                yield from (file for file in files if file.is_file())
