"""Kinds, tables and figures are found in their folders: a new one is a new folder or file, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import kinds

ROOT = Path(__file__).parents[2]
FIGURE = '''"""Scores, seed by seed

Each run's score as a point, with a caption that is long enough to say what is shown, and ``how``.
"""
import seaborn as sns
from analysis.style import Drawing

def draw(results):
    grid = sns.relplot(results["runs"], x="seed", y="score")
    return Drawing(grid.figure, results["runs"][["seed", "score"]])
'''
KIND = {
    "__init__.py": """
RECORDS = ("counts",)
SUITES = {"counting": "Counting"}
""",
    "load.py": """
FRAMES = {"counts": ["folder", "total"]}

def read(run, lent):
    row = {"folder": run.folder, "total": run.record["total"]}
    return {"counts": row, "index": {"suite": "Counting", "task": "to ten"}}
""",
    "tables/__init__.py": "",
    "tables/totals.py": '''"""Totals

What each run of the kind counted to.
"""
from analysis.kinds import NothingToShow
from analysis.tables import Table

def build(results):
    if results["counts"].empty:
        raise NothingToShow("nothing was counted")
    return Table(results["counts"], results["counts"].astype(str))
''',
}


@pytest.fixture
def extended(tmp_path):
    """A copy of the analysis; how to make tables, figures and report of a results folder with it."""
    shutil.copytree(ROOT / "analysis", tmp_path / "analysis", ignore=shutil.ignore_patterns("__pycache__"))

    def make(results):
        for step in ("tables", "figures", "report"):
            words = ["-m", f"analysis.{step}", "--runs", results, "--out", results / step]
            environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
            done = subprocess.run(
                [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
        return (results / "report/index.html").read_text()

    return make


def test_a_figure_is_one_new_file(extended, tree, tmp_path):
    tree.run("atari", "breakout", "rtrl", 0, returns=[3.0])
    (tmp_path / "analysis/reinforcement/figures/seed_by_seed.py").write_text(FIGURE)
    page = extended(tree.root)
    assert (tree.root / "figures/seed_by_seed.csv").read_text() == "seed,score\n0,3.0\n"
    assert (tree.root / "figures/seed_by_seed.rst").read_text().startswith("Each run's score as a point")
    assert '<figure id="seed_by_seed">' in page
    assert "Scores, seed by seed" in page
    assert "<code>how</code>" in page


def test_a_kind_is_one_new_folder(extended, tree, tmp_path):
    for name, text in KIND.items():
        path = tmp_path / "analysis/counting" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = tree.root / "runs/counting/ten/seed0"
    run.mkdir(parents=True)
    record = {
        "schema": 1,
        "kind": "counting",
        "status": "complete",
        "config": {"seed": 0},
        "total": 10,
        "versions": {"python": "3"},
    }
    (run / "run.json").write_text(json.dumps({**record, "wall_s": 1.0}))
    page = extended(tree.root)
    assert (tree.root / "tables/totals.csv").read_text() == "folder,total\nruns/counting/ten/seed0,10\n"
    assert (tree.root / "tables/counts.csv").read_text() == "folder,total\nruns/counting/ten/seed0,10\n"
    assert "What each run of the kind counted to." in page
    assert "to ten" in page


def test_names_need_none_of_what_the_tables_and_figures_need():
    code = "import sys; from analysis import kinds; print(len(kinds.names('figures')), kinds.records()[-1]);"
    code += "assert not {'pandas', 'matplotlib', 'scipy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(kinds.items("figures"))), "problems"]


def test_no_two_tables_or_figures_have_the_same_name():
    names = [*kinds.names("tables"), *kinds.names("figures")]
    assert len(names) == len(set(names))
