"""Every figure as PNG, PDF and CSV: `python -m analysis.figures --runs results/<scale> --out DIR`.

Writes into DIR, always and completely (a figure without runs says so):

    fig1_curves fig2_atari other_curves memory_delay memory_retention gradient_cosine   each .png .pdf .csv
    memory_against_T cost_against_N cost_against_L time_against_M largest_hidden        (the numbers that are drawn)
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

from analysis import cost_figures, curve_figures, gradient_figures, labels, memory_figures
from analysis.cli import announce, parser
from analysis.costs import NOT_STUDIED
from analysis.files import aside, write_text
from analysis.load import LoadError, Results, load
from rtrl_bench.system.output import own_the_standard_streams

SUFFIXES = (".png", ".pdf", ".csv")
# No dates in the files: the same numbers give the same bytes.
_METADATA: dict[str, dict[str, str | None]] = {".png": {}, ".pdf": {"CreationDate": None}}

Draw = Callable[[Results], tuple[Figure | None, pd.DataFrame]]


@dataclass(frozen=True)
class Spec:
    """One figure: `draw` returns the picture (None: there is nothing to draw, as `absence` says) and its numbers."""

    name: str
    title: str
    draw: Draw
    absence: str = "no runs of this kind"


FIGURES = (
    Spec("fig1_curves", "Figure 1. Learning curves, TBPTT against RTRL", curve_figures.figure1),
    Spec("fig2_atari", "Figure 2. Learning curves on Atari", curve_figures.figure2),
    Spec("other_curves", "Learning curves on other environments", curve_figures.others),
    Spec("memory_delay", "Memory study: success against delay", memory_figures.against_delay),
    Spec(
        "memory_retention",
        "Memory study: success against initial retention",
        memory_figures.against_retention,
    ),
    Spec("gradient_cosine", "Two layers: each method's gradient against the exact one", gradient_figures.cosine),
    Spec("memory_against_T", "Peak memory against episode length", cost_figures.against_episode, NOT_STUDIED),
    Spec("cost_against_N", "Cost against hidden size", cost_figures.against_hidden, NOT_STUDIED),
    Spec("cost_against_L", "Cost against the number of layers", cost_figures.against_layers, NOT_STUDIED),
    Spec("time_against_M", "Cost against segment length", cost_figures.against_unroll, NOT_STUDIED),
    Spec("largest_hidden", "Largest hidden size that fits", cost_figures.largest_hidden, NOT_STUDIED),
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
                figure = _nothing(spec.absence, results.scale)
                data = pd.DataFrame({"note": [spec.absence]})
            figure.suptitle(_heading(spec.title, results.scale), x=0.01, ha="left", fontsize=9)
            path = out / spec.name
            write_text(path.with_suffix(".csv"), data.to_csv(index=False))
            for suffix, metadata in _METADATA.items():
                with aside(path.with_suffix(suffix)) as part:
                    figure.savefig(part, metadata=metadata)
            plt.close(figure)
            files += [path.with_suffix(suffix) for suffix in SUFFIXES]
    return files


def _heading(title: str, scale: str) -> str:
    return f"{title}\nscale {labels.scale_warning(scale) or scale}"


def _nothing(absence: str, scale: str) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 1.4))
    axes.axis("off")
    axes.text(0.5, 0.5, f"{absence[0].upper()}{absence[1:]} (scale {scale}).", ha="center", va="center", fontsize=10)
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
    own_the_standard_streams()
    sys.exit(main())
