"""What was run, where, and what could not be."""

from __future__ import annotations

import json

import pandas as pd

from analysis import kinds, labels, methods
from analysis.load import Results


def absences(results: Results) -> list[dict[str, str]]:
    """A line for each suite of which environments could not be run, and for every other suite without a run."""
    suites = {key: label for kind in kinds.kinds() for key, label in kinds.about(kind).SUITES.items()}
    missing = results["missing"]
    rows = [
        {"suite": suites.get(suite, suite), "environments": ", ".join(group["name"]), "reason": reason, "fix": fix}
        for (suite, reason, fix), group in missing.groupby(["suite", "reason", "fix"], sort=False)
    ]
    index = results["index"]
    ran = index.loc[~index["lent"].astype(bool), "suite"]
    told = {*missing["suite"].map(lambda suite: suites.get(suite, suite)), *ran}
    rows += [
        {"suite": label, "environments": "", "reason": results.absence(suite), "fix": ""}
        for suite, label in suites.items()
        if label not in told
    ]
    return rows


def what_was_run(results: Results) -> pd.DataFrame:
    """A row per suite, task and backend."""
    groups = results["index"].groupby(["suite", "task", "backend"], sort=False, dropna=False)
    return pd.DataFrame([_group(group) for _, group in groups])


def _group(runs: pd.DataFrame) -> dict[str, str]:
    return {
        "Suite": runs["suite"].iloc[0],
        "Task": runs["task"].iloc[0],
        "Runs": str(len(runs)),
        "Methods": "; ".join(methods.methods(runs.dropna(subset="gradient"))),
        "M": _listed(runs["unroll"]),
        "Seeds": _listed(runs["seed"]),
        "Env frames a run": labels.span(runs["env_frames"], labels.count),
        "Of the paper's": labels.span(runs["budget_fraction"], labels.percent),
        "Backend": labels.joined(runs["backend"].dropna()),
        "Time, all runs": labels.duration(runs["wall_s"].sum()),
    }


def _listed(numbers: pd.Series) -> str:
    return ", ".join(f"{number:g}" for number in sorted(numbers.dropna().unique()))


def where(results: Results) -> list[tuple[str, str]]:
    """Machine, versions, revision and time of the runs; several values where the runs differ."""
    runs = results["index"]
    versions: dict[str, set[str]] = {}
    for text in runs["versions"].unique():
        for name, version in json.loads(text).items():
            versions.setdefault(name, set()).add(str(version))
    machines = [json.loads(text) for text in runs["machine"].dropna().unique()]
    resumed = runs[runs["resumes"] > 0]
    exactly = f"{labels.counted(len(resumed), 'run')}, {resumed['exact_resume'].eq(True).sum()} of them bit for bit"
    dirty = " (with uncommitted changes)" if runs["git_dirty"].eq(True).any() else ""
    return [
        ("Runs", f"{len(runs)}; {len(results['problems'])} more were left out"),
        ("Git revision", labels.joined(runs["git_revision"].dropna().astype(str).str[:12]) + dirty),
        ("Processor", labels.joined(f"{m.get('cpu')}, {m.get('cores')} cores" for m in machines)),
        ("Device", labels.joined(f"{d} ({n})" for d, n in zip(runs["device"], runs["device_name"]) if pd.notna(n))),
        ("Versions", ", ".join(f"{name} {' / '.join(sorted(v))}" for name, v in sorted(versions.items()))),
        ("Started", min(runs["started_utc"].dropna(), default=labels.NOTHING)),
        ("Finished", max(runs["finished_utc"].dropna(), default=labels.NOTHING)),
        ("Time, summed over runs", labels.duration(runs["wall_s"].sum())),
        (
            "Resumed after an interruption",
            exactly if len(resumed) else "none",
        ),
    ]
