"""A killed Snakemake does not keep the next one out; one that is alive does."""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ALONE = str(Path(__file__).parents[2] / "workflow/scripts/alone.sh")


def test_snakemake_is_let_in_while_nobody_is_alive_and_kept_out_otherwise(tmp_path):
    """A stand-in for Snakemake says how it is called."""
    (tmp_path / "snakemake").write_text('#!/bin/sh\necho "$@" >> called\n')
    (tmp_path / "snakemake").chmod(0o755)
    words = [ALONE, str(tmp_path / "snakemake"), "tables"]
    subprocess.run(words, cwd=tmp_path, check=True)
    assert (tmp_path / "called").read_text().split("\n")[:2] == ["--unlock --quiet all tables", "tables"]
    (tmp_path / "called").unlink()
    with open(tmp_path / ".snakemake/alive", "w") as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        subprocess.run(words, cwd=tmp_path, check=True)
    assert (tmp_path / "called").read_text() == "tables\n"


def test_snakemake_takes_the_place_of_the_script_and_keeps_its_lock_from_the_jobs(tmp_path):
    """Whatever ends the script ends Snakemake; a job that outlives it keeps nobody out."""
    (tmp_path / "snakemake").write_text(
        f"#!{sys.executable}\n"
        "import os, subprocess, sys\n"
        "if sys.argv[1] != '--unlock':\n"
        "    free = subprocess.call(['flock', '--nonblock', '.snakemake/alive', 'true']) == 0\n"
        "    job = subprocess.Popen(['sleep', '60'])\n"
        "    print(os.getpid(), job.pid, free)\n"
    )
    (tmp_path / "snakemake").chmod(0o755)
    words = [ALONE, str(tmp_path / "snakemake"), "tables"]
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen(words, cwd=tmp_path, stdout=said)
        assert process.wait(60) == 0
    pid, job, free = (tmp_path / "said").read_text().split()
    try:
        assert (pid, free) == (str(process.pid), "False")
        assert subprocess.call(["flock", "--nonblock", ".snakemake/alive", "true"], cwd=tmp_path) == 0
    finally:
        os.kill(int(job), signal.SIGKILL)


@pytest.mark.injects("SIGKILL of Snakemake, which leaves its locks", "the parent", "`make reproduce` works again")
def test_snakemake_starts_again_after_it_was_killed(project):
    harness = project.root / "rtrl_bench/__main__.py"
    program = harness.read_text()
    harness.write_text("import time\ntime.sleep(60)\n")
    (project.root / "results/tiny/runs/reinforcement/beta/rtrl/M5/seed0/run.json").unlink()
    process = project.start("beta")
    try:
        until = time.monotonic() + 60
        while not list((project.root / ".snakemake/incomplete").glob("*")):
            assert process.poll() is None, "Snakemake ended before it was killed"
            assert time.monotonic() < until, "Snakemake started no job"
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert list((project.root / ".snakemake/locks").iterdir())
    harness.write_text(program)
    assert "--unlock" in project.snakemake("beta").stderr  # what Snakemake itself says of it
    done = project.snakemake("beta", alone=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.injects(
    "dates of files jump: a configuration from tomorrow, a record of last year", "their dates", "nothing is made again"
)
def test_dates_alone_repeat_no_run(project):
    folder = project.root / "results/tiny/runs/reinforcement/beta/rtrl/M5/seed0"
    day = 86_400
    (config,) = (project.root / "results/tiny/inputs/runs/reinforcement/beta/rtrl/M5/seed0").rglob("*.yaml")
    os.utime(config, (time.time() + day,) * 2)
    os.utime(folder / "run.json", (time.time() - 365 * day,) * 2)
    assert project.planned("all") == (set(), set())


def test_results_that_were_copied_with_new_dates_are_finished(project):
    """A run with a vision stem too, whatever dates it and the run of its stem got."""
    shutil.rmtree(project.root / ".snakemake")
    stem = project.root / "results/tiny/runs/reinforcement/delta/pretrain_tbptt/M50/seed0/run.json"
    os.utime(stem, (time.time() + 60,) * 2)
    assert project.planned("delta") == (set(), set())


def test_a_run_that_was_killed_between_its_files_is_made_again(project):
    files = "curve.csv", "evaluation.json", "run.json"
    beta = project.root / "results/tiny/runs/reinforcement/beta"
    left = {beta / "rtrl/M5/seed0": files[:1], beta / "tbptt/M5/seed0": files}
    for folder in left:
        for name in files:
            (folder / name).unlink()
            marker = base64.b64encode(str((folder / name).relative_to(project.root)).encode()).decode()
            (project.root / ".snakemake/incomplete" / marker).write_text('{"external_jobid": null}')
        for name in left[folder]:
            (folder / name).write_text("half")
    done = project.snakemake("beta")
    assert done.returncode == 0, done.stderr
    assert all((folder / name).read_text() != "half" for folder in left for name in files)
    assert project.planned("beta") == (set(), set())
