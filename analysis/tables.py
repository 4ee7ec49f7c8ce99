"""Every table as CSV, Markdown and LaTeX: `python -m analysis.tables --runs results/<scale> --out DIR`.

Writes into DIR, always and completely (a table without runs says so): a .csv, .md and .tex for each file in the kinds'
folders `tables/`, and its caption as .rst; and the records as loaded: a .csv for each of the kinds' RECORDS, and
problems.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from analysis import cli, kinds, labels
from analysis.load import Results
from rtrl_bench.system.files import write_whole

SUFFIXES = kinds.SUFFIXES["tables"]
PAGE_ROWS = 40  # a longer table does not fit on a printed page
APART, BESIDE = "Differs in", "Beside the paper"  # columns of several tables
DIFFERING = f'"{APART}" names the settings that no other column has, in rows that are otherwise alike.'


@dataclass(frozen=True)
class Table:
    """`numbers` (CSV) and the same as text (Markdown, LaTeX, the page)."""

    numbers: pd.DataFrame
    text: pd.DataFrame
    notes: tuple[str, ...] = ()


def texts(frame: pd.DataFrame, write: Callable[..., str], *columns: str) -> list[str]:
    """One text per row of `frame`, written by `write` from the values of `columns`."""
    return [write(*values) for values in zip(*(frame[column] for column in columns))]


def differing(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """A column of what `apart` says, where rows differ in a setting that no other column has."""
    return {APART: frame["apart"]} if frame["apart"].ne("").any() else {}


def build(results: Results) -> list[tuple[kinds.Item, Table]]:
    """All tables of one results folder, in the order of the page."""
    return [(item, _build(item, results)) for item in kinds.items("tables")]


def _build(item: kinds.Item, results: Results) -> Table:
    try:
        table: Table = item.module.build(results)
        return replace(table, notes=(*table.notes, DIFFERING)) if APART in table.text else table
    except kinds.NothingToShow as reason:
        frame = pd.DataFrame({kinds.NOTE: [str(reason)]})
        return Table(frame, frame)


def write(results: Results, out: Path) -> list[Path]:
    """Write all tables and records; the files' paths."""
    warning = labels.scale_warning(results.scale)
    contents = {}
    for item, table in build(results):
        contents[f"{item.name}.csv"] = table.numbers.to_csv(index=False)
        contents[f"{item.name}.md"] = markdown(item, table, warning)
        contents[f"{item.name}.tex"] = latex(item, table, warning)
        contents[f"{item.name}.rst"] = item.caption
    contents |= {f"{name}.csv": results[name].to_csv(index=False) for name in kinds.records()}
    for name, text in contents.items():
        write_whole(out / name, text.encode())
    return [out / name for name in contents]


def markdown(item: kinds.Item, table: Table, warning: str) -> str:
    """Title, warning, table, caption and notes."""
    grid = table.text.to_markdown(index=False, disable_numparse=True)
    caption = item.caption.replace("``", "`")
    parts = [f"### {item.title}", f"**{warning}**" if warning else "", grid, caption, *table.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


_LATEX = {
    **{"±": r"$\pm$", "–": "--", "≤": r"$\le$", "≥": r"$\ge$", ">": "$>$", "<": "$<$", "λ": r"$\lambda$"},
    **{"→": r"$\to$", "µ": r"$\mu$", "°": r"$^\circ$", "²": "$^2$", "Σ": r"$\Sigma$", "×": r"$\times$"},
}


def latex(item: kinds.Item, table: Table, warning: str) -> str:
    """A booktabs table in plain ASCII: a float, or a longtable where it is longer than a page."""
    caption = " ".join([f"{item.title}.", item.caption.replace("``", ""), *table.notes])
    caption = f"{warning}. {caption}" if warning else caption
    for character in "&%_#$":
        caption = caption.replace(character, f"\\{character}")
    text = table.text.to_latex(
        index=False, escape=True, caption=caption, label=f"tab:{item.name}", longtable=len(table.text) > PAGE_ROWS
    )
    for character, command in _LATEX.items():
        text = text.replace(character, command)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    return cli.run("tables", write, arguments)


if __name__ == "__main__":
    sys.exit(cli.main(main))
