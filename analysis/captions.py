"""The captions in workflow/report/, which Snakemake's report, the page and the written tables share."""

from __future__ import annotations

import html
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "workflow" / "report"


class CaptionError(ValueError):
    """A table or figure without a caption."""


def text(name: str) -> str:
    """The caption of a table or figure as one line of plain text, in which ``code`` is the only markup."""
    path = FOLDER / f"{name}.rst"
    try:
        return " ".join(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise CaptionError(
            f"{path}: cannot be read ({error.strerror}); every table and figure needs a caption"
        ) from error


def as_html(name: str) -> str:
    """The caption with ``code`` as <code>, everything else escaped."""
    return re.sub(r"``(.+?)``", r"<code>\1</code>", html.escape(text(name), quote=False))
