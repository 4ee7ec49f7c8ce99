"""Every table as CSV, Markdown and LaTeX: `python -m analysis.tables --runs results/<scale> --out DIR`.

Writes into DIR, always and completely (a table without runs says so):

    table1 table2 scores memory_study verdicts copy_task throughput rooms_fidelity   each .csv .md .tex
    two_layers costs exponents crossovers limits                                     likewise
    runs.csv pretraining.csv evaluations.csv copy_runs.csv problems.csv              the records as loaded
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from analysis import captions, cost_tables, labels, paper_tables, study_tables
from analysis.cli import announce, parser
from analysis.files import write_text
from analysis.load import LoadError, Results, load
from analysis.summary import settings
from analysis.table import Table, latex, markdown
from rtrl_bench.system.output import own_the_standard_streams

NAMES = (
    *("table1", "table2", "scores", "memory_study", "verdicts", "copy_task", "throughput", "rooms_fidelity"),
    *("two_layers", "costs", "exponents", "crossovers", "limits"),
)
RECORDS = ("runs", "pretraining", "evaluations", "copy_runs", "problems")


def build(results: Results) -> list[Table]:
    """All tables of one results folder, in the order of NAMES."""
    rows = settings(results)
    return [
        paper_tables.table1(rows, results.absence),
        paper_tables.table2(rows, results.absence),
        paper_tables.scores(rows),
        study_tables.memory_study(rows),
        study_tables.verdicts(results),
        study_tables.copy_task(results.copy_runs),
        study_tables.throughput(results),
        study_tables.rooms_fidelity(results.fidelity),
        cost_tables.two_layers(results),
        cost_tables.costs(results.costs),
        cost_tables.fitted(results.costs),
        cost_tables.crossovers(results.costs),
        cost_tables.limits(results.costs),
    ]


def write(results: Results, out: Path) -> list[Path]:
    """Write all tables and records; the files' paths."""
    out.mkdir(parents=True, exist_ok=True)
    warning = labels.scale_warning(results.scale)
    files = []
    for table in build(results):
        path = out / table.name
        write_text(path.with_suffix(".csv"), table.frame.to_csv(index=False))
        write_text(path.with_suffix(".md"), markdown(table, warning))
        write_text(path.with_suffix(".tex"), latex(table, warning))
        files += [path.with_suffix(suffix) for suffix in (".csv", ".md", ".tex")]
    for name in RECORDS:
        path = out / f"{name}.csv"
        write_text(path, getattr(results, name).to_csv(index=False))
        files.append(path)
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    options = parser("tables").parse_args(arguments)
    try:
        results = load(options.runs, options.scale)
        announce(results)
        files = write(results, options.out)
    except (LoadError, captions.CaptionError, OSError) as error:
        print(f"analysis.tables: {error}", file=sys.stderr)
        return 2
    print(f"{len(results.runs) + len(results.copy_runs)} runs: {len(files)} files in {options.out}")
    return 0


if __name__ == "__main__":
    own_the_standard_streams()
    sys.exit(main())
