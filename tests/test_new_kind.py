"""The kind of run of docs/extending.md: two new folders, and nothing else is edited."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_scales import ENDS_SOON

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- tested: (\S+/\S+/\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))
CONFIG = "kind: forgetting\nsteps: 50\nretention: 20\ndevice: cpu\nthreads: 1\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the new files in it; how to run a Python program there."""
    root = tmp_path_factory.mktemp("project")
    for name in ("rtrl_bench", "analysis", "workflow", "profiles"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", root)
    for name, text in FILES.items():
        path = root / name
        assert not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def python(*words):
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=root, env={"PATH": "/usr/bin:/bin", "HOME": str(root)}, **SAID
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    python.root = root
    return python


SAID = {"capture_output": True, "text": True, "timeout": 300}


def test_the_command_line_carries_it_out_and_finds_it_complete(project, tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG)
    words = ("rtrl_bench", "run", "--config", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "out"))
    assert "forgetting of elstm, retention 20.0, seed 0: 50 updates in" in project(*words)
    assert "already complete" in project(*words)
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert (record["kind"], record["updates"], record["status"]) == ("forgetting", 50, "complete")
    assert len((tmp_path / "out/curve.csv").read_text().splitlines()) == 51


def test_it_resumes_exactly(project, tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG)
    stopping = """
import os, signal, sys
from rtrl_bench.experiments.forgetting.work import TwoStates
update = TwoStates.update
def stop(self):
    update(self)
    if self.updates_made() == 20:
        os.kill(os.getpid(), signal.SIGTERM)
TwoStates.update = stop
from rtrl_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""
    words = ["run", "--config", str(tmp_path / "run.yaml"), "--out"]
    cut = [sys.executable, "-c", stopping, *words, str(tmp_path / "cut")]
    assert subprocess.run(cut, cwd=project.root, **SAID).returncode == 143
    assert "going on exactly from step 20" in project("rtrl_bench", *words, str(tmp_path / "cut"))
    project("rtrl_bench", *words, str(tmp_path / "whole"))
    assert (tmp_path / "cut/curve.csv").read_text() == (tmp_path / "whole/curve.csv").read_text()


def test_snakemake_plans_it_runs_it_and_shows_its_table(project):
    words = ("snakemake", "--cores", "1", ENDS_SOON, "--config", "scale=remembering", "--")
    assert re.search(r"half_lives +4 +0 ", project(*words, "plan"))
    project(*words, "tables", "forgetting")
    results = project.root / "results/remembering"
    runs = sorted(path.parent.relative_to(results).as_posix() for path in results.rglob("run.json"))
    assert runs == [f"runs/forgetting/half_lives/retention{k}/seed{seed}" for k in (10, 100) for seed in (0, 1)]
    header, *rows = (results / "tables/half_life.csv").read_text().splitlines()
    assert header == "cell,retention,mean,count"
    assert [row.rsplit(",", 1)[1] for row in rows] == ["2", "2"]
    assert "How long layers remember" in (results / "tables/half_life.md").read_text()
    assert re.search(r"half_lives +4 +4 ", project(*words, "plan"))


def test_a_mistake_in_its_settings_is_named(project, tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG.replace("retention", "retentoin"))
    words = [sys.executable, "-m", "rtrl_bench", "run", "--config", tmp_path / "run.yaml", "--out", tmp_path / "out"]
    done = subprocess.run(words, cwd=project.root, **SAID)
    assert done.returncode == 2
    assert "unknown key retentoin: expected one of kind, steps, cell" in done.stderr
