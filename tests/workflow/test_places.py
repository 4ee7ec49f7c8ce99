"""The workflow in folders of any name, from any other folder, in a project that cannot be written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_scales import SETTINGS

from workflow.scripts import startup

ROOT = Path(__file__).parents[2]
HARD = """-my results ü (1) it's "so" $HOME & [x]; *"""
EVERYTHING = ("letters", "pictures", "copy_task", "complexity", "report")


def call(folder, *words, **settings):
    """`snakemake` with scale tiny, called in `folder`; what it printed."""
    config = [f"{key}={value}" for key, value in {"scale": "tiny", **settings}.items()]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words, "--config", *config]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_placeholder_of_a_command_is_quoted(path):
    commands = re.findall(r"^    shell:\n((?:        .*\n)+)", path.read_text(encoding="utf-8"), re.M)
    placeholders = re.findall(r"(?<!\{)\{([a-z][\w.\[\]]*(?::\w+)?)\}(?!\})", "".join(commands))
    assert placeholders or path.name == "common.smk"
    numbers = {"params.cores", "resources.stop_s"}
    assert [one for one in placeholders if not one.endswith(":q") and one not in numbers] == []


def test_results_may_be_in_a_folder_of_any_name(project):
    call(project.root, *EVERYTHING, results=HARD)
    assert (project.root / HARD / "tiny/report/index.html").exists()
    assert "study of costs: 2 points, finished" in call(project.root, "plan", results=HARD)


def test_the_workflow_runs_from_another_folder(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    snakefile = str(project.root / "Snakefile")
    call(elsewhere, *EVERYTHING, "-s", snakefile)
    assert (elsewhere / "results/tiny/report/index.html").exists()
    assert "study of costs: 2 points, finished" in call(elsewhere, "plan", "-s", snakefile)


def test_the_workflow_runs_with_a_new_working_directory(project, tmp_path):
    call(project.root, "beta", "tables", "-d", str(tmp_path / "new"))
    assert (tmp_path / "new/results/tiny/tables/table1.csv").exists()


def test_a_place_where_snakemake_cannot_keep_its_notes_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(startup, "_prepare_jobs", lambda: None)
    (tmp_path / ".snakemake").touch()
    with pytest.raises(SystemExit) as caught:
        startup.start(SETTINGS | {"scale": "smoke"}, main=True)
    assert caught.value.code == 2
    assert re.fullmatch(
        rf"error: {tmp_path}/.snakemake: cannot be written \(.*\).*; choose .*: snakemake -d DIR\n",
        capsys.readouterr().err,
    )
