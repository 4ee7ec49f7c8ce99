"""A killed Snakemake does not keep the next one out; one that is alive does."""

from __future__ import annotations

import base64
import fcntl
import os
import signal
import time

import pytest

from workflow.scripts import locks


@pytest.fixture
def folder(tmp_path):
    """A folder `.snakemake` with a list of locked files in it."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").write_text("results/run.json\n")
    return tmp_path


def test_a_list_that_nobody_alive_can_have_left_is_removed(folder):
    locks.share(folder)
    assert list((folder / "locks").iterdir()) == []


def test_a_list_stays_while_another_snakemake_is_alive(folder):
    with open(folder / "alive", "w") as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        locks.share(folder)
    assert (folder / "locks/0.output.lock").exists()


@pytest.mark.injects("SIGKILL of Snakemake, which leaves its locks", "the parent", "the same call works")
def test_snakemake_starts_again_after_it_was_killed(project):
    harness = project.root / "rtrl_bench/__main__.py"
    program = harness.read_text()
    harness.write_text("import time\ntime.sleep(60)\n")
    (project.root / "results/tiny/runs/letters/beta/rtrl/M5/seed0/run.json").unlink()
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
    done = project.snakemake("beta")
    assert done.returncode == 0, done.stderr


@pytest.mark.injects(
    "dates of files jump: a configuration from tomorrow, a record of last year", "their dates", "nothing is made again"
)
def test_dates_alone_repeat_no_run(project):
    folder = project.root / "results/tiny/runs/letters/beta/rtrl/M5/seed0"
    day = 86_400
    (config,) = (project.root / "results/tiny/inputs/runs/letters/beta/rtrl/M5/seed0").iterdir()
    os.utime(config, (time.time() + day,) * 2)
    os.utime(folder / "run.json", (time.time() - 365 * day,) * 2)
    assert project.planned("all") == (set(), set())


@pytest.mark.parametrize("left", [("curve.csv",), ("curve.csv", "evaluation.json", "run.json")])
def test_a_run_that_was_killed_between_its_files_is_made_again(project, left):
    folder = project.root / "results/tiny/runs/letters/beta/rtrl/M5/seed0"
    for name in ("curve.csv", "evaluation.json", "run.json"):
        (folder / name).unlink()
        marker = base64.b64encode(str((folder / name).relative_to(project.root)).encode()).decode()
        (project.root / ".snakemake/incomplete" / marker).write_text('{"external_jobid": null}')
    for name in left:
        (folder / name).write_text("half")
    done = project.snakemake("beta")
    assert done.returncode == 0, done.stderr
    assert all((folder / name).read_text() != "half" for name in ("curve.csv", "evaluation.json", "run.json"))
    assert project.planned("beta") == (set(), set())
