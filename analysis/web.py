"""The report in Markdown, which GitHub shows: `python -m analysis.web --runs results/<scale> --out DIR`.

Writes DIR/README.md from the figures and tables that `analysis.figures` and `analysis.tables` have made of the runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import claims, cli, kinds, labels, overview
from analysis.load import Results
from rtrl_bench.system.files import write_whole


def render(results: Results, out: Path) -> str:
    """The text; links are relative to `out`."""
    parts = [f"# Results of scale {results.scale}"]
    if warning := labels.scale_warning(results.scale):
        parts.append(f"**{warning}**")
    found = claims.claims(results)
    parts.append(f"**Is exact RTRL worth it?** {claims.answer(results, found)}")
    if share := labels.under_trained(results["index"]["budget_fraction"]):
        parts.append(f"**Under-trained**: runs on the paper's environments have {share} of the paper's training steps.")
    parts += ["## The paper's claims", "\n".join(_line(claim) for claim in found)]
    parts.append(_folded("How verdicts are reached", claims.rules()))
    parts += [_folded(f"Comparisons: {one.title}", one.table.to_markdown(index=False)) for one in found]
    for item in kinds.items("figures"):
        drawn = results.root / "figures" / item.name
        if kinds.nothing(drawn.with_suffix(".csv")):
            continue
        image = Path(os.path.relpath(drawn.with_suffix(".png"), out)).as_posix()
        parts += [f"## {item.title}", f"![{item.title}]({image})", item.caption.replace("``", "`")]
    parts.append("# Tables")
    for item in kinds.items("tables"):
        made = results.root / "tables" / item.name
        if not kinds.nothing(made.with_suffix(".csv")):
            parts.append(_folded(item.title, made.with_suffix(".md").read_text(encoding="utf-8").strip()))
    parts += ["# What was run", overview.what_was_run(results).to_markdown(index=False)]
    if absences := overview.absences(results):
        parts += ["# What was not", pd.DataFrame(absences).to_markdown(index=False)]
    parts += ["# Where", pd.DataFrame(overview.where(results), columns=["", "of these runs"]).to_markdown(index=False)]
    return "\n\n".join(parts) + "\n"


def _line(claim: claims.Claim) -> str:
    note = f" {claim.note}" if claim.note and claim.verdict != claims.NOT_TESTED else ""
    return f"- **{claim.verdict.capitalize()}**: {claim.sentence} {claim.counts.capitalize()}.{note}"


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def write(results: Results, out: Path) -> list[Path]:
    """Write the report; its path."""
    path = out / "README.md"
    write_whole(path, render(results, out).encode())
    return [path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    return cli.run("web", write, arguments)


if __name__ == "__main__":
    sys.exit(cli.main(main))
