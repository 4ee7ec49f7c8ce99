"""Files that are there whole or not at all: what a killed step leaves behind is never taken for its result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path to write to, with the suffix of `path`; the file is renamed to `path` at the end, removed on an error."""
    part = path.with_stem(f"{path.stem}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8."""
    with aside(path) as part:
        part.write_text(text, encoding="utf-8")
