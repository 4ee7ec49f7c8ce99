"""The workflow, with real runs: whatever is killed, the same call finishes what is unfinished and keeps the rest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from processes import PATIENCE_S, assert_same_records

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
METHODS = ("tbptt", "rtrl")
SCALE = {
    "label": "test",
    "seeds": [0],
    "resources": {"mem_mb": 1000, "runtime": 5},
    "run": {
        **{"threads": 1, "vision": "flat", "hidden": 8, "batch": 4, "env_steps": 10_000, "checkpoint_minutes": 0.002},
        "evaluation": {"sets": 1, "episodes": 10},
    },
    "studies": {"memory": {"environments": {"tmaze": None}, "methods": list(METHODS), "unroll": [5]}},
}
COMPLETES = "the same call completes all; finished runs stay as they are, unfinished ones go on"


class Campaign:
    """A copy of the project with a small scale of its own."""

    def __init__(self, root):
        self.root = root
        for name in ("workflow", "rtrl_bench", "analysis", "profiles"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", root)
        (root / "workflow/config/small.yaml").write_text(yaml.safe_dump(SCALE))

    def start(self, *words):
        """`snakemake`, as make calls it, in a process group of its own."""
        snakemake = Path(sys.executable).with_name("snakemake")
        command = ["workflow/scripts/alone.sh", snakemake, "--cores", "1", *words, "--config", "scale=small"]
        with (self.root / "log").open("a") as log:
            return subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log, start_new_session=True)

    def call(self, *words):
        """The same to its end; its exit code."""
        return self.start(*words).wait(PATIENCE_S)

    def said(self):
        return (self.root / "log").read_text()

    def run(self, method):
        """The folder of a run."""
        return next(iter(self.root.glob("results/small/runs/reinforcement/tmaze*")), self.root) / method / "M5/seed0"

    def trains(self, method):
        """Whether a run has begun and written a checkpoint beyond its first."""
        return any(int(path.stem) for path in self.run(method).glob("checkpoint/*.ckpt"))


def until(condition, process=None):
    """Wait for `condition`, while `process` lives if there is one."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None, f"Snakemake ended with {process.returncode}"
        assert time.monotonic() < end
        time.sleep(0.01)


def dated(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    campaign = Campaign(tmp_path_factory.mktemp("undisturbed") / "project")
    assert campaign.call("memory", "tables") == 0, campaign.said()
    return campaign


@pytest.fixture
def campaign(tmp_path):
    made = Campaign(tmp_path / "project")
    yield made
    for pid in trainers(made):
        os.kill(pid, signal.SIGKILL)


def assert_completes(undisturbed, campaign, target="memory"):
    assert campaign.call(target) == 0, campaign.said()
    for method in METHODS:
        assert_same_records(undisturbed.run(method), campaign.run(method))


@pytest.mark.injects(
    "SIGKILL of Snakemake and its jobs in the second run", "the parent, to the process group", COMPLETES
)
def test_a_killed_snakemake_loses_no_finished_run(undisturbed, campaign, observed):
    process = campaign.start("memory")
    first, second = METHODS
    until(lambda: campaign.trains(first) and campaign.trains(second), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = [method for method in METHODS if (campaign.run(method) / "run.json").exists()]
    assert len(finished) == 1
    before = dated(campaign.run(finished[0]))
    assert_completes(undisturbed, campaign)
    assert dated(campaign.run(finished[0])) == before
    observed("lost: the updates of one run since its last checkpoint, made again")


@pytest.mark.injects("SIGKILL of Snakemake alone: its job lives on", "the parent", COMPLETES)
def test_a_run_that_a_killed_snakemake_left_behind_is_waited_for(undisturbed, campaign, observed):
    process = campaign.start("memory")
    until(lambda: any(campaign.trains(method) for method in METHODS), process)
    (first,) = (method for method in METHODS if campaign.trains(method))
    (orphan,) = trainers(campaign)
    os.kill(orphan, signal.SIGSTOP)  # so that it is not finished before the next Snakemake gets to its run
    for pid in snakemakes(campaign):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    again = campaign.start("memory")
    log = campaign.run(first) / "run.log"
    until(lambda: log.exists() and "waiting for its end" in log.read_text(), again)
    os.kill(orphan, signal.SIGCONT)
    assert again.wait(PATIENCE_S) == 0, campaign.said()
    assert_completes(undisturbed, campaign)
    observed("nothing lost: the next Snakemake waits for the run")


def trainers(campaign):
    """Processes that carry out runs in the campaign's folder."""
    return processes(campaign, b"rtrl_bench", b"run")


def snakemakes(campaign):
    """Snakemake in the campaign's folder, or the script whose place it takes."""
    return processes(campaign, str(Path(sys.executable).with_name("snakemake")).encode())


def processes(campaign, *told):
    """Processes in the campaign's folder with all these words on their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            here = os.readlink(place / "cwd") == str(campaign.root)
        except OSError:
            continue
        if here and set(told) <= set(words):
            found.append(int(place.name))
    return found


@pytest.mark.injects("SIGKILL of a training process, as when memory runs out", "the parent", COMPLETES)
def test_a_killed_run_fails_its_snakemake_and_goes_on_with_the_next(undisturbed, campaign, observed):
    process = campaign.start("--keep-going", "memory")
    until(lambda: any(campaign.trains(method) for method in METHODS), process)
    for pid in trainers(campaign):
        os.kill(pid, signal.SIGKILL)
    assert process.wait(PATIENCE_S) == 1
    assert len([method for method in METHODS if (campaign.run(method) / "run.json").exists()]) == 1
    assert_completes(undisturbed, campaign)
    observed("exit code 1, the other run completed; lost: the updates since the last checkpoint, made again")


@pytest.mark.injects(
    "Ctrl-C, or a batch system's SIGTERM to all processes", "the parent, to the process group", COMPLETES
)
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_leaves_a_checkpoint(undisturbed, campaign, observed, signum):
    process = campaign.start("memory")
    until(lambda: any(campaign.trains(method) for method in METHODS), process)
    (begun,) = (method for method in METHODS if campaign.trains(method))
    os.killpg(process.pid, signum)
    assert process.wait(PATIENCE_S) != 0
    until(lambda: f"stopped by {signum.name}; the checkpoint" in (campaign.run(begun) / "run.log").read_text())
    until(lambda: not trainers(campaign))  # its parent may be gone a moment before it
    assert_completes(undisturbed, campaign)
    observed(f"{signum.name}: nothing lost")


@pytest.mark.injects("two Snakemakes in one folder", "started at once", "one works, the other says so; " + COMPLETES)
def test_two_snakemakes_in_one_folder_do_no_harm(undisturbed, campaign, observed):
    processes = [campaign.start("memory") for _ in range(2)]
    codes = sorted(process.wait(PATIENCE_S) for process in processes)
    assert codes in ([0, 0], [0, 1]), campaign.said()
    if codes == [0, 1]:
        assert "Directory cannot be locked" in campaign.said()
    assert_completes(undisturbed, campaign)
    assert not list(campaign.root.glob("results/**/*.part"))
    observed(f"exit codes {codes[0]} and {codes[1]}")


@pytest.mark.injects(
    "SIGKILL of Snakemake and its jobs while tables are written", "the parent, to the group", COMPLETES
)
def test_half_of_the_tables_is_no_result(undisturbed, campaign, observed):
    shutil.copytree(undisturbed.root / "results", campaign.root / "results")
    shutil.copytree(undisturbed.root / ".snakemake", campaign.root / ".snakemake")
    tables = campaign.root / "results/small/tables"
    whole = {path.name: path.read_bytes() for path in tables.iterdir()}
    shutil.rmtree(tables)
    process = campaign.start("tables")
    until(lambda: tables.exists() and list(tables.iterdir()), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = len(list(tables.iterdir()))
    assert_completes(undisturbed, campaign, "tables")
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == whole
    observed(f"{there} of {len(whole)} files were there; all are written again")
