"""The report: `python -m analysis.report --runs results/<scale> --out DIR`.

Writes DIR/index.html: one page that needs no other file and no network. Tables are built from the run folders; figures
are read from results/<scale>/figures, where `analysis.figures` put them, and links point to the data files of both.
"""

from __future__ import annotations

import base64
import os
import shlex
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape
from pandas.io.formats.style import Styler

from analysis import charts, claims, cli, figures, kinds, labels, overview, run_list, tables
from analysis.load import LoadError, Results
from analysis.reinforcement import players
from rtrl_bench.runs.asked import target
from rtrl_bench.system.files import write_whole

STAYS = ("Verdict", "Verdict, uncorrected", tables.BESIDE)  # columns that never scroll out of sight
TALL_ROWS = 25  # of a table that scrolls in a window of its own
WIDE_LETTERS = 24  # of a cell that is broken into lines
PAGE_SCALE = 0.64  # CSS pixels per pixel of a figure's PNG
FILM = "film.gif"  # in a run's folder, made by `python -m rtrl_bench show`


def table(name: str, frame: pd.DataFrame) -> Markup:
    """A table of texts as HTML; columns with long texts are wide and broken into lines."""
    text = frame.astype(str).reset_index(drop=True)
    longest = {column: int(text[column].map(len).max()) for column in text}
    wide: Any = {
        column: [
            {"selector": "td", "props": f"white-space: normal; min-width: min({min(22, letters / 1.6):.0f}rem, 45vw)"}
        ]
        for column, letters in longest.items()
        if letters > WIDE_LETTERS
    }
    for column in [name for name in text if name in STAYS]:  # in sight while the table scrolls sideways
        stays = (
            "position: sticky; right: 0; white-space: normal; min-width: min(8rem, 24vw); max-width: min(18rem, 40vw)"
        )
        wide[column] = [
            {"selector": tag, "props": f"{stays}; background: var(--{ground}); overflow-wrap: anywhere"}
            for tag, ground in (("td", "page"), ("th", "panel"))
        ]
    styled = Styler(text, uuid=name, cell_ids=False).hide(axis="index").format(escape="html")
    return Markup(styled.format_index(escape="html", axis="columns").set_table_styles(wide).to_html())


def films(results: Results) -> tuple[list[dict[str, Any]], list[str]]:
    """Of each setting whose agents have learned, the film of the seed nearest the median; and a line on each other."""
    learned = players.with_learned_agents(results["runs"], results["curves"])
    tasks = results["index"].set_index("folder")["task"]
    shown, others = [], []
    for _, seeds in results["runs"].groupby("setting", sort=False):
        filmed = seeds[seeds["folder"].map(lambda folder: (results.root / folder / FILM).exists()).astype(bool)]
        if filmed.empty:
            continue
        median = seeds["score"].median()
        run = filmed.iloc[int((filmed["score"] - median).abs().argmin())]
        what = f"{run['method']}, M = {run['unroll']:g}"
        if run["folder"] not in learned:
            others.append(f"{tasks[run['folder']]}, {what} (median score {labels.number(median)})")
            continue
        film = {
            "title": tasks[run["folder"]],
            "caption": f"{what}, seed {run['seed']:g}, after {labels.count(run['env_frames'])} env frames; score "
            f"{labels.number(run['score'])}, median of the {len(seeds)} seeds {labels.number(median)}",
            "folder": run["folder"],
            **_film(results.root / run["folder"] / FILM),
        }
        shown.append(film)
    return shown, others


def _film(path: Path) -> dict[str, Any]:
    """It itself, and its width and height in pixels, which a GIF has in bytes 6 to 9."""
    content = path.read_bytes()
    width, height = struct.unpack("<HH", content[6:10])
    return {"uri": _data_uri("image/gif", content), "width": width, "height": height}


def render(results: Results, out: Path) -> str:
    """The page's HTML; links are relative to `out`."""

    def link(*parts: str) -> str:
        return Path(os.path.relpath(results.root.joinpath(*parts), out)).as_posix()

    folder = Path(os.path.relpath(results.root))
    place = [] if folder.parent == Path("results") else [f"results={folder.parent.as_posix()}"]

    def command(target: str) -> str:
        return shlex.join(["snakemake", "--cores", "all", target, "--config", f"scale={results.scale}", *place])

    shown_tables: list[dict[str, Any]] = [
        {
            "item": item,
            "html": table(item.name, made.text),
            "nothing": made.text[kinds.NOTE].iloc[0] if list(made.text) == [kinds.NOTE] else "",
            "rows": len(made.text),
            "notes": made.notes,
            "files": [link("tables", item.name + suffix) for suffix in tables.SUFFIXES],
        }
        for item, made in tables.build(results)
    ]
    shown_figures: list[dict[str, Any]] = [
        {
            "item": item,
            "image": _image(results.root / "figures" / f"{item.name}.png"),
            "files": [link("figures", item.name + suffix) for suffix in figures.SUFFIXES],
            "nothing": kinds.nothing(results.root / "figures" / f"{item.name}.csv"),
        }
        for item in kinds.items("figures")
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["caption"] = _caption
    found = claims.claims(results)
    shown_films, other_films = films(results)
    groups = overview.what_was_run(results)
    return environment.get_template("report.html.j2").render(
        scale=results.scale,
        warning=labels.scale_warning(results.scale),
        under_trained=labels.under_trained(results["index"]["budget_fraction"]),
        budgets=results["index"]["budget_fraction"].notna().any(),
        answer=claims.answer(results, found),
        claims=[{**one.facts, "html": table(f"claim_{one.name}", one.table)} for one in found],
        rules=claims.rules(),
        shown={name for one in found for name in one.shows},
        headline=next(
            (item for item in shown_figures if item["item"].name == claims.HEADLINE and not item["nothing"]), None
        ),
        groups=None if groups.empty else table("groups", groups),
        group_rows=len(groups),
        where=overview.where(results),
        tables=shown_tables,
        figures=[item for item in shown_figures if item["item"].name != claims.HEADLINE],
        charts=charts.built(results),
        vega=Markup(charts.library()),
        runs=run_list.groups(results),
        link=link,
        films=[{**film, "file": link(film["folder"], FILM)} for film in shown_films],
        other_films=other_films,
        tall_rows=TALL_ROWS,
        records=[link("tables", f"{name}.csv") for name in kinds.records()],
        missing=overview.absences(results),
        left_out=len(results["problems"]),
        problems=list(results["problems"].groupby("reason", sort=False)["folder"].agg(list).items()),
        command=command,
        part=target(next(iter(results["runs"]["environment"]), "")),
        folder=folder.as_posix(),
    )


def _caption(text: str) -> Markup:
    """A caption with ``code`` as <code>, everything else escaped."""
    parts = str(escape(text)).split("``")
    return Markup("".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def _image(path: Path) -> dict[str, Any]:
    """A PNG as data URI, with its size on the page in CSS pixels."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LoadError(
            f"{path}: figure not found; make it with python -m analysis.figures --runs {path.parents[1]}"
            f" --out {path.parent}"
        ) from error
    width, height = struct.unpack(">II", data[16:24])  # PNG: signature, then the IHDR chunk
    size = {"width": round(width * PAGE_SCALE), "height": round(height * PAGE_SCALE)}
    return {"uri": _data_uri("image/png", data), **size}


def write(results: Results, out: Path) -> list[Path]:
    """Write the page; its path."""
    path = out / "index.html"
    write_whole(path, render(results, out).encode())
    return [path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr."""
    return cli.run("report", write, arguments)


if __name__ == "__main__":
    sys.exit(cli.main(main))
