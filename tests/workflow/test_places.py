"""The workflow in folders of any name, from any other folder, in a project that cannot be written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_scales import ENDS_SOON, SETTINGS

from workflow.scripts import startup

ROOT = Path(__file__).parents[2]
HARD = """-my results ü (1) it's "so" $HOME & [x]; *"""
EVERYTHING = ("letters", "pictures", "copy_task", "complexity", "report")


def command(words, settings):
    config = [f"{key}={value}" for key, value in {"scale": "tiny", **settings}.items()]
    return [sys.executable, "-m", "snakemake", "--cores", "2", ENDS_SOON, *words, "--config", *config]


def call(folder, *words, environment=None, **settings):
    """`snakemake` with scale tiny, called in `folder`; what it printed."""
    done = subprocess.run(
        command(words, settings),
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_placeholder_of_a_command_is_quoted(path):
    text = path.read_text(encoding="utf-8")
    commands = [command for _, command in re.findall(r"^( +)shell:\n((?:\1    .*\n)+)", text, re.M)]
    assert len(commands) == text.count("shell:")
    placeholders = re.findall(r"(?<!\{)\{([a-z][\w.\[\]]*(?::\w+)?)\}(?!\})", "".join(commands))
    assert placeholders or path.name == "common.smk"
    assert ("params.asked:q" in placeholders) == (path.name == "runs.smk")
    numbers = {"params.cores", "resources.stop_s"}
    assert [one for one in placeholders if not one.endswith(":q") and one not in numbers] == []


def test_a_result_is_kept_where_nobody_can_read_what_is_printed(project):
    """stdout is full: the report, finished, must not be deleted as that of a failed job."""
    page = project.root / "results/tiny/report/index.html"
    page.unlink()
    words = command(["report", "plan"], {})
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, cwd=project.root, stdout=full, stderr=subprocess.PIPE, timeout=600)
    assert done.returncode == 0, done.stderr
    assert page.exists()


def test_the_workflow_runs_from_another_folder_with_results_in_a_folder_of_any_name(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    snakefile = str(project.root / "Snakefile")
    call(elsewhere, *EVERYTHING, "-s", snakefile, results=HARD)
    assert (elsewhere / HARD / "tiny/report/index.html").exists()
    assert re.search(r"complexity +1 +1 ", call(elsewhere, "plan", "-s", snakefile, results=HARD))


def test_the_workflow_runs_with_a_new_working_directory_in_a_locale_without_any_letter_beyond_ascii(project, tmp_path):
    label = 'label: "tiny: three environments that run and one that cannot'
    scale = project.root / "workflow/config/tiny.yaml"
    scale.write_text(scale.read_text(encoding="utf-8").replace(label, f"{label}: λ, ü"), encoding="utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    call(project.root, "beta", "tables", "-d", str(tmp_path / "new"), environment=ascii_only)
    results = tmp_path / "new/results/tiny"
    assert (results / "tables/table1.csv").exists()
    assert "λ, ü" in json.loads((results / "scale.json").read_text(encoding="utf-8"))["label"]


def test_a_place_where_snakemake_cannot_keep_its_notes_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(startup, "_prepare_jobs", lambda: None)
    (tmp_path / ".snakemake").touch()
    with pytest.raises(SystemExit) as caught:
        startup.start(SETTINGS | {"scale": "smoke"}, main=True)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert re.fullmatch(rf"error: {tmp_path}/.snakemake: cannot be written.*; choose .*: snakemake -d DIR\n", said)
