"""One table: its numbers, the same as text, and how both are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from analysis import captions

PAGE_ROWS = 40  # a longer table does not fit on a printed page


@dataclass(frozen=True)
class Table:
    """One table: `frame` holds the numbers (CSV), `display` the same as text (Markdown, LaTeX, the page)."""

    name: str
    title: str
    frame: pd.DataFrame
    display: pd.DataFrame
    notes: tuple[str, ...] = ()

    @classmethod
    def empty(cls, name: str, title: str, reason: str) -> Table:
        """A table without rows, which says why."""
        frame = pd.DataFrame({"note": [reason]})
        return cls(name, title, frame, frame)


def texts(frame: pd.DataFrame, write: Callable[..., str], *columns: str) -> list[str]:
    """One text per row of `frame`, written by `write` from the values of `columns`."""
    return [write(*values) for values in zip(*(frame[column] for column in columns))]


def markdown(table: Table, warning: str) -> str:
    """Title, warning, table, caption and notes."""
    grid = table.display.to_markdown(index=False, disable_numparse=True)
    caption = captions.text(table.name).replace("``", "`")
    parts = [f"### {table.title}", f"**{warning}**" if warning else "", grid, caption, *table.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


_LATEX = {
    **{"±": r"$\pm$", "–": "--", "≤": r"$\le$", "≥": r"$\ge$", ">": "$>$", "<": "$<$", "λ": r"$\lambda$"},
    **{"→": r"$\to$", "µ": r"$\mu$", "°": r"$^\circ$", "²": "$^2$", "Σ": r"$\Sigma$", "×": r"$\times$"},
}


def latex(table: Table, warning: str) -> str:
    """A booktabs table in plain ASCII: a float, or a longtable where it is longer than a page."""
    caption = " ".join([f"{table.title}.", captions.text(table.name).replace("``", ""), *table.notes])
    caption = f"{warning}. {caption}" if warning else caption
    for character in "&%_#$":
        caption = caption.replace(character, f"\\{character}")
    text = table.display.to_latex(
        index=False, escape=True, caption=caption, label=f"tab:{table.name}", longtable=len(table.display) > PAGE_ROWS
    )
    for character, command in _LATEX.items():
        text = text.replace(character, command)
    return text
