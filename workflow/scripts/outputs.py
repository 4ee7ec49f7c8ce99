"""What the analysis writes. Its tables and figures are found in its folders, as the analysis itself finds them."""

from __future__ import annotations

from analysis import kinds

CAPTION = ".rst"  # beside each table and figure


def made(folder: str, what: str) -> list[str]:
    """The files of the `tables` or `figures` in a folder, each in all its formats."""
    return [f"{folder}/{name}{suffix}" for name in kinds.names(what) for suffix in kinds.SUFFIXES[what]]


def records(folder: str) -> list[str]:
    """The loaded records that are written beside the tables."""
    return [f"{folder}/{name}.csv" for name in kinds.records()]


def captions(folder: str, what: str) -> list[str]:
    """The captions of the `tables` or `figures` in a folder."""
    return [f"{folder}/{name}{CAPTION}" for name in kinds.names(what)]
