"""How long the jobs of a scale will take: from the plan to the logger that shows the time left (workflow/logger)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from workflow.scripts.scales import Scale

FILE = "logs/estimates.json"
# Core seconds of one job of the rules that are not runs, about.
RULES = {"film": 8.0, "fidelity": 12.0, "tables": 8.0, "figures": 30.0, "report": 8.0}


def write(scale: Scale, runs: Mapping[Path, float]) -> None:
    """Keep the core seconds of the jobs that are left, by their folders; `runs`: those of each run, by its own."""
    jobs = {folder: sum(runs.get(run.folder, 0.0) for run in made) for folder, made in scale.jobs.items()}
    estimates = {
        "runs": {folder.relative_to(scale.folder).as_posix(): seconds for folder, seconds in jobs.items() if seconds},
        "rules": RULES,
    }
    path = scale.folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(estimates, indent=1), encoding="utf-8")


def announce(scale: Scale, report: str) -> None:
    """Hand the estimates, if there was a plan, and the report's path to Snakemake's loggers, as fields of a record."""
    from snakemake.logging import logger  # the plan does without Snakemake, which takes a second to import

    try:
        estimates = json.loads((scale.folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        estimates = None
    logger.info("", extra={"estimates": estimates, "report": report})
