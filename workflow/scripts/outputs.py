"""What the analysis writes, by name; the docstrings of analysis/tables.py and analysis/figures.py say the same."""

from __future__ import annotations

TABLES = (
    *("table1", "table2", "scores", "memory_study", "verdicts", "copy_task", "throughput", "rooms_fidelity"),
    *("two_layers", "costs", "exponents", "crossovers", "limits"),
)
RECORDS = ("runs", "pretraining", "evaluations", "copy_runs", "problems")
FIGURES = (
    *("fig1_curves", "fig2_atari", "other_curves", "memory_delay", "memory_retention", "gradient_cosine"),
    *("memory_against_T", "cost_against_N", "cost_against_L", "time_against_M", "largest_hidden"),
)


COMPLEXITY = ("costs.csv", "theory.csv", "limits.csv", "crossovers.csv", "complexity.json")  # by the harness


def tables(folder: str) -> list[str]:
    """The tables, each in three formats."""
    return [f"{folder}/{name}{kind}" for name in TABLES for kind in (".csv", ".md", ".tex")]


def records(folder: str) -> list[str]:
    """The loaded records that are written beside the tables."""
    return [f"{folder}/{name}.csv" for name in RECORDS]


def figures(folder: str) -> list[str]:
    """The figures, each with the numbers that are drawn."""
    return [f"{folder}/{name}{kind}" for name in FIGURES for kind in (".png", ".pdf", ".csv")]
