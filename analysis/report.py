"""The report: `python -m analysis.report --runs results/<scale> --out DIR`.

Writes DIR/index.html: one page that needs no other file and no network. Tables are built from the run folders; figures
are read from results/<scale>/figures, where `analysis.figures` put them, and links point to the data files of both.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from analysis import captions, figures, labels, tables
from analysis.cli import announce, parser
from analysis.comparisons import comparisons, sentence
from analysis.costs import NOT_STUDIED
from analysis.files import write_text
from analysis.load import LoadError, Results, load
from analysis.scope import by_reason
from rtrl_bench.system.output import own_the_standard_streams

HEADLINES = 12
TALL_ROWS = 25  # of a table that scrolls in a window of its own
PAGE_SCALE = 0.64  # CSS pixels per pixel of a figure's PNG
FILM = "film.gif"  # in a run's folder, made by `python -m rtrl_bench show`


class ReportError(ValueError):
    """An input of the report that is missing."""


def absences(results: Results) -> list[dict[str, str]]:
    """A line for each suite of which environments could not be run, and for every other suite without a run."""
    rows = [
        {"suite": labels.suite(suite), "environments": ", ".join(names), "reason": reason, "fix": fix}
        for suite, names, reason, fix in by_reason(results.missing)
    ]
    told = {one.suite for one in results.missing}
    rows += [
        {"suite": labels.suite(suite), "environments": "", "reason": results.absence(suite), "fix": ""}
        for suite in results.absent_suites
        if suite not in told
    ]
    return rows


def headlines(results: Results) -> list[dict[str, str]]:
    """The comparisons that combine tasks, or single ones where there are none: memory first, HEADLINES at most."""
    frame = comparisons(results)
    combined = frame[frame["tasks"] > 1]
    chosen = pd.concat([combined, frame[(frame["tasks"] == 1) & ~frame["suite"].isin(combined["suite"])]])
    chosen = chosen.sort_values("memory_task", ascending=False, kind="stable")
    lines = []
    for _, row in chosen.head(HEADLINES).iterrows():
        tasks = f" ({row['tasks']} tasks)" if row["tasks"] > 1 else ""
        lines.append({"scope": f"{row['scope']}{tasks}, M = {row['unroll']}", "text": sentence(row)})
    return lines


def run_groups(results: Results) -> pd.DataFrame:
    """What was run: a row per suite, environment and backend, then the pre-training of vision stems, the copy task."""
    keys = ["suite", "environment", "backend"]
    rows = [_run_group(group) for _, group in results.runs.groupby(keys, sort=False)]
    for _, group in results.pretraining.groupby(keys, sort=False):
        row = _run_group(group)
        rows.append({**row, "Environment": f"{row['Environment']}, vision pre-training", "Of the paper's": ""})
    if len(results.copy_runs):
        group = results.copy_runs
        rows.append(
            {
                "Suite": labels.suite("copy_task"),
                "Environment": "lengths " + ", ".join(map(str, sorted(group["max_length"].unique()))),
                "Runs": str(len(group)),
                "Methods": ", ".join(
                    labels.method(m) for m in sorted(group["method"].unique(), key=labels.method_order)
                ),
                "Seeds": ", ".join(map(str, sorted(group["seed"].unique()))),
                "Time, all runs": labels.duration(group["wall_s"].sum()),
            }
        )
    return pd.DataFrame(rows).fillna("")


def _run_group(group: pd.DataFrame) -> dict[str, str]:
    first = group.iloc[0]
    methods = sorted(group["method"].unique(), key=labels.method_order)
    return {
        "Suite": labels.suite(first["suite"]),
        "Environment": labels.environment(first["environment"], first["backend"]),
        "Runs": str(len(group)),
        "Methods": ", ".join(labels.method(method) for method in methods),
        "M": ", ".join(map(str, sorted(group["unroll"].unique()))),
        "Seeds": ", ".join(map(str, sorted(group["seed"].unique()))),
        "Env frames a run": labels.span(group["env_frames"], labels.count),
        "Of the paper's": labels.span(group["budget_fraction"], labels.percent),
        "Backend": first["backend"],
        "Time, all runs": labels.duration(group["wall_s"].sum()),
    }


def where(results: Results) -> list[tuple[str, str]]:
    """Machine, versions, revision and time of the runs; several values where the runs differ."""
    runs = results.runs
    versions: dict[str, set[str]] = {}
    for text in [*runs["versions"], *results.copy_runs["versions"]]:
        for name, version in json.loads(text).items():
            versions.setdefault(name, set()).add(str(version))
    machines = [json.loads(text) for text in runs["machine"]]
    resumed = int((runs["resumes"] > 0).sum())
    inexact = int(((runs["resumes"] > 0) & ~runs["exact_resume"].astype(bool)).sum())
    dirty = " (with uncommitted changes)" if runs["git_dirty"].eq(True).any() else ""
    revisions = labels.joined(str(r)[:12] for r in [*runs["git_revision"], *results.copy_runs["git_revision"]] if r)
    counts = {"training": runs, "pre-training": results.pretraining, "copy-task": results.copy_runs}
    made = ", ".join(f"{len(frame)} {kind} runs" for kind, frame in counts.items())
    total = sum(frame["wall_s"].sum() for frame in counts.values())
    return [
        ("Runs", f"{made}, {len(results.problems)} left out"),
        ("Git revision", revisions + dirty),
        ("Processor", labels.joined(f"{m.get('cpu')}, {m.get('cores')} cores" for m in machines)),
        ("Device", labels.joined(f"{d} ({n})" for d, n in zip(runs["device"], runs["device_name"]))),
        ("Versions", ", ".join(f"{name} {' / '.join(sorted(v))}" for name, v in sorted(versions.items()))),
        ("Started", min(runs["started_utc"].dropna(), default=labels.NOTHING)),
        ("Finished", max(runs["finished_utc"].dropna(), default=labels.NOTHING)),
        ("Training time, summed over runs", labels.duration(total)),
        ("Resumed after an interruption", f"{resumed} runs, {inexact} of them not bit-exactly" if resumed else "none"),
        ("Cost study", _cost_study(results)),
    ]


def _cost_study(results: Results) -> str:
    record = results.costs.record
    if not record:
        return NOT_STUDIED
    device = f"{record['device_name']} ({record['device']}, threads: {record['threads']})"
    return f"{len(results.costs.points)} points on {device} in {labels.duration(record['wall_s'])}"


def render(results: Results, out: Path) -> str:
    """The page's HTML; links are relative to `out`."""

    def link(*parts: str) -> str:
        return Path(os.path.relpath(results.root.joinpath(*parts), out)).as_posix()

    folder = Path(os.path.relpath(results.root))
    place = [] if folder.parent == Path("results") else [f"results={folder.parent.as_posix()}"]

    def command(target: str) -> str:
        return shlex.join(["snakemake", "--cores", "all", target, "--config", f"scale={results.scale}", *place])

    shown_tables = [
        {
            "table": t,
            "caption": Markup(captions.as_html(t.name)),
            "files": [link("tables", t.name + s) for s in (".csv", ".md", ".tex")],
        }
        for t in tables.build(results)
    ]
    shown_figures = [
        {
            "spec": spec,
            "caption": Markup(captions.as_html(spec.name)),
            "image": _image(results.root / "figures" / f"{spec.name}.png"),
            "files": [link("figures", spec.name + suffix) for suffix in figures.SUFFIXES],
        }
        for spec in figures.FIGURES
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    budgets = results.runs["budget_fraction"].dropna()
    return environment.get_template("report.html.j2").render(
        scale=results.scale,
        warning=labels.scale_warning(results.scale),
        under_trained=labels.span(budgets[budgets < 0.99], labels.percent) if (budgets < 0.99).any() else "",
        headlines=headlines(results),
        groups=run_groups(results),
        where=where(results),
        tables=shown_tables,
        figures=shown_figures,
        films=[{**film, "file": link(film["folder"], FILM)} for film in films(results)],
        tall_rows=TALL_ROWS,
        records=[link("tables", f"{name}.csv") for name in tables.RECORDS],
        missing=absences(results),
        left_out=len(results.problems),
        problems=list(results.problems.groupby("reason", sort=False)["folder"].agg(list).items()),
        command=command,
        folder=folder.as_posix(),
    )


def films(results: Results) -> list[dict[str, Any]]:
    """The films that lie in run folders, each with who plays what."""
    rows = [row for _, row in results.runs.iterrows() if (results.root / row["folder"] / FILM).exists()]
    return [
        {
            "title": labels.environment(row["environment"], row["backend"]),
            "caption": f"{labels.method(row['method'])}, M = {row['unroll']}, seed {row['seed']}, after "
            f"{labels.count(row['env_frames'])} env frames; mean score {row['score']:.1f}",
            "level": row["environment"],
            "folder": row["folder"],
            "uri": _data_uri("image/gif", (results.root / row["folder"] / FILM).read_bytes()),
        }
        for row in rows
    ]


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def _image(path: Path) -> dict[str, Any]:
    """A PNG as data URI, with its size on the page in CSS pixels."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{path}: figure not found; make it with python -m analysis.figures --runs {path.parents[1]}"
            f" --out {path.parent}"
        ) from error
    width, height = struct.unpack(">II", data[16:24])  # PNG: signature, then the IHDR chunk
    size = {"width": round(width * PAGE_SCALE), "height": round(height * PAGE_SCALE)}
    return {"uri": _data_uri("image/png", data), **size}


def write(results: Results, out: Path) -> Path:
    """Write the page; its path."""
    page = render(results, out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "index.html"
    write_text(path, page)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    options = parser("report").parse_args(arguments)
    try:
        results = load(options.runs, options.scale)
        announce(results)
        path = write(results, options.out)
    except (LoadError, ReportError, captions.CaptionError, OSError) as error:
        print(f"analysis.report: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


if __name__ == "__main__":
    own_the_standard_streams()
    sys.exit(main())
