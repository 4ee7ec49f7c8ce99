"""What the analysis writes. Its tables and figures are found in its folders, as the analysis itself finds them."""

from __future__ import annotations

from analysis import kinds

TABLES, FIGURES = (".csv", ".md", ".tex"), (".png", ".pdf", ".csv")  # the formats of each
CAPTION = ".rst"  # beside each of them


def tables(folder: str) -> list[str]:
    """The tables, each in three formats."""
    return [f"{folder}/{name}{suffix}" for name in kinds.names("tables") for suffix in TABLES]


def records(folder: str) -> list[str]:
    """The loaded records that are written beside the tables."""
    return [f"{folder}/{name}.csv" for name in kinds.records()]


def figures(folder: str) -> list[str]:
    """The figures, each with the numbers that are drawn."""
    return [f"{folder}/{name}{suffix}" for name in kinds.names("figures") for suffix in FIGURES]


def captions(folder: str, what: str) -> list[str]:
    """The captions of the `tables` or `figures` in a folder."""
    return [f"{folder}/{name}{CAPTION}" for name in kinds.names(what)]
