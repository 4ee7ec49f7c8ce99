"""Every figure as PNG, PDF and CSV: `python -m analysis.figures --runs results/<scale> --out DIR`.

Writes into DIR, always and completely (a figure without runs says so): a .png, .pdf and .csv (the numbers that are
drawn) for each file in the kinds' folders `figures/`, and its caption as .rst.
"""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from analysis import cli, kinds, labels
from analysis.load import Results
from analysis.style import Drawing
from rtrl_bench.system.files import whole_file, write_whole

SUFFIXES = kinds.SUFFIXES["figures"]
LETTERS = 14  # of the heading, per inch
COLOURS = 256  # of a PNG: a third of the bytes of full colour, and the report is one file with every picture in it


def write(results: Results, out: Path) -> list[Path]:
    """Draw and write all figures; the files' paths."""
    files = []
    with resources.as_file(resources.files("analysis") / "style.mplstyle") as style, plt.style.context(style):
        for item in kinds.items("figures"):
            drawing = _draw(item, results)
            scale = f"scale {labels.scale_warning(results.scale) or results.scale}"
            note = textwrap.wrap(drawing.note, int(drawing.figure.get_figwidth() * LETTERS))
            heading = "\n".join([item.title, scale, *note])
            drawing.figure.suptitle(heading, x=0, y=1, ha="left", va="bottom", fontsize=9)
            write_whole(out / f"{item.name}.csv", drawing.numbers.to_csv(index=False).encode())
            write_whole(out / f"{item.name}.rst", item.caption.encode())
            write_whole(out / f"{item.name}.png", _png(drawing.figure))
            with whole_file(out / f"{item.name}.pdf") as file:  # without a date: the same numbers give the same bytes
                drawing.figure.savefig(file, format="pdf", metadata={"CreationDate": None})
            plt.close(drawing.figure)
            files += [out / f"{item.name}{suffix}" for suffix in (*SUFFIXES, ".rst")]
    return files


def _png(figure: Figure) -> bytes:
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _draw(item: kinds.Item, results: Results) -> Drawing:
    try:
        drawing: Drawing = item.module.draw(results)
        return drawing
    except kinds.NothingToShow as reason:
        figure, axes = plt.subplots(figsize=(7, 0.9))
        axes.axis("off")
        axes.text(0.5, 0.5, f"Nothing to draw: {reason}.", ha="center", va="center", fontsize=10)
        return Drawing(figure, pd.DataFrame({kinds.NOTE: [str(reason)]}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    return cli.run("figures", write, arguments)


if __name__ == "__main__":
    sys.exit(cli.main(main))
