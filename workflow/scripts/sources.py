"""Which source files a step runs: for the analysis its module, what that imports, and the package's data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "analysis"
DATA = ("*.csv", "*.mplstyle", "templates/*")
ROOMS = Path("rtrl_bench/envs/rooms")


def analysis_sources(step: str) -> list[str]:
    """Paths, relative to the project's root, of all that `python -m analysis.<step>` uses of the package."""
    found: set[Path] = set()
    waiting = [Path(PACKAGE, f"{step}.py"), Path(PACKAGE, "__init__.py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    found |= {path for kind in DATA for path in Path(PACKAGE).glob(kind)}
    return sorted(path.as_posix() for path in found)


def rooms_sources() -> list[str]:
    """Paths, relative to the project's root, of the embedded DMLab levels and the recordings they are held against."""
    return sorted(path.as_posix() for kind in ("*.py", "*.npz") for path in ROOMS.glob(kind))


def _imported(path: Path) -> Iterator[Path]:
    """The modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            file = Path(*name.split(".")).with_suffix(".py")
            if file.parts[0] == PACKAGE and file.is_file():
                yield file
