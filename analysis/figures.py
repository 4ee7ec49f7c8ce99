"""Every figure as PNG, PDF and CSV: `python -m analysis.figures --runs results/<scale> --out DIR`.

Writes into DIR, always and completely (a figure without runs says so):

    fig1_curves fig2_atari memory_delay memory_retention      each .png .pdf .csv (the numbers that are drawn)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from analysis import curve_figures, labels, memory_figures
from analysis.cli import announce, parser
from analysis.load import LoadError, Results, load

SUFFIXES = (".png", ".pdf", ".csv")
# No dates in the files: the same numbers give the same bytes.
_METADATA: dict[str, dict[str, str | None]] = {".png": {}, ".pdf": {"CreationDate": None}}

Draw = Callable[[Results], tuple[Figure | None, pd.DataFrame]]


@dataclass(frozen=True)
class Spec:
    """One figure: `draw` returns the picture (None: no runs of this kind) and the numbers in it."""

    name: str
    title: str
    draw: Draw


FIGURES = (
    Spec("fig1_curves", "Figure 1. Learning curves, TBPTT against RTRL", curve_figures.figure1),
    Spec("fig2_atari", "Figure 2. Learning curves on Atari", curve_figures.figure2),
    Spec("memory_delay", "Memory study: success against delay", memory_figures.against_delay),
    Spec(
        "memory_retention",
        "Memory study: success against initial retention",
        memory_figures.against_retention,
    ),
)
NAMES = tuple(spec.name for spec in FIGURES)


def write(results: Results, out: Path) -> list[Path]:
    """Draw and write all figures; the files' paths."""
    out.mkdir(parents=True, exist_ok=True)
    files = []
    with resources.as_file(resources.files("analysis") / "style.mplstyle") as style, plt.style.context(style):
        for spec in FIGURES:
            figure, data = spec.draw(results)
            if figure is None:
                figure = _nothing(results.scale)
                data = pd.DataFrame({"note": ["no runs of this kind"]})
            figure.suptitle(_heading(spec.title, results.scale), x=0.01, ha="left", fontsize=9)
            path = out / spec.name
            data.to_csv(path.with_suffix(".csv"), index=False)
            for suffix, metadata in _METADATA.items():
                figure.savefig(path.with_suffix(suffix), metadata=metadata)
            plt.close(figure)
            files += [path.with_suffix(suffix) for suffix in SUFFIXES]
    return files


def _heading(title: str, scale: str) -> str:
    return f"{title}\nscale {labels.scale_warning(scale) or scale}"


def _nothing(scale: str) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 1.4))
    axes.axis("off")
    axes.text(0.5, 0.5, f"No runs of this kind in scale {scale!r}.", ha="center", va="center", fontsize=10)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    options = parser("figures").parse_args(arguments)
    try:
        results = load(options.runs, options.scale)
        announce(results)
        files = write(results, options.out)
    except (LoadError, OSError) as error:
        print(f"analysis.figures: {error}", file=sys.stderr)
        return 2
    print(f"{len(results.runs)} runs: {len(files)} files in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
