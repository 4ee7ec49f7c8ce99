"""A disk that is full or read-only ends a run with one message and code 5, and takes nothing that was there."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import contextmanager

import injections
import pytest
from processes import SETTINGS, Program, assert_same_records, checkpoints, command

from rtrl_bench.runs import checkpoint

STOPS = (
    "one message that names the file, exit code 5, the last good checkpoint kept; the same command completes the run"
)
COMMAND = "run the same command to continue from the last checkpoint"


def assert_stopped(program, folder, reason):
    """It ended with one message; returns the last good checkpoint."""
    assert program.exit_code() == 5, program.said()
    assert f"cannot be written ({os.strerror(reason)}); fix that, then {COMMAND}" in program.said().splitlines()[-1]
    assert "Traceback" not in program.said()
    assert not list(folder.rglob("*.part"))
    assert checkpoint.load_newest(folder / "checkpoint") is not None


@pytest.mark.injects("file-size limit (EFBIG) while a checkpoint is written", "RLIMIT_FSIZE, set in training", STOPS)
def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(whole, tmp_path, observed):
    folder = tmp_path / "run"
    words = command(SETTINGS, folder)
    program = Program(words, tmp_path / "log")
    program.wait_for(lambda: len(checkpoints(folder)) == 2)
    injections.limit_files(checkpoints(folder)[0].stat().st_size // 2, program.pid)
    assert_stopped(program, folder, errno.EFBIG)
    observed("exit code 5; lost: the updates since the last checkpoint, made again")
    assert Program(words, tmp_path / "log").exit_code() == 0
    assert_same_records(whole.folder, folder)


@pytest.mark.injects("no space (ENOSPC) for a record", "a link to /dev/full in its place", STOPS)
@pytest.mark.parametrize("name", ["evaluation.json", pytest.param("run.json", marks=pytest.mark.faults)])
def test_a_record_that_cannot_be_written_is_written_by_the_next_call(whole, tmp_path, observed, name):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / f"{name}.part").symlink_to("/dev/full")
    words = command(SETTINGS, folder)
    assert_stopped(Program(words, tmp_path / "log"), folder, errno.ENOSPC)
    assert not (folder / "run.json").exists()
    observed(f"{name}: exit code 5; lost: the evaluation, made again")
    assert Program(words, tmp_path / "log").exit_code() == 0
    assert_same_records(whole.folder, folder)


@contextmanager
def mounted(place, options):
    """A tmpfs at `place`, over what is there, where the tests may mount one."""
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    mount = subprocess.run(words, capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"needs to mount a tmpfs, as root can: {mount.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.injects("disk full (ENOSPC), its log too", "a tmpfs of 300 KB that another file fills", STOPS)
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(whole, tmp_path, observed):
    disk = tmp_path / "disk"
    disk.mkdir()
    folder = disk / "run"
    with mounted(disk, "size=300k"):
        words = command(SETTINGS, folder)
        program = Program(words, disk / "log")
        program.wait_for(lambda: len(checkpoints(folder)) == 2)
        subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filler'}"], capture_output=True)
        assert program.exit_code() == 5, program.said()
        observed("exit code 5; lost: the updates since the last checkpoint, made again, and the message")
        (disk / "filler").unlink()
        assert Program(words, tmp_path / "log").exit_code() == 0
        assert_same_records(whole.folder, folder)


@pytest.mark.injects("the disk becomes read-only (EROFS)", "a read-only tmpfs over checkpoint/, in training", STOPS)
def test_a_disk_that_becomes_read_only_stops_the_run(whole, tmp_path, observed):
    folder = tmp_path / "run"
    words = command(SETTINGS, folder)
    program = Program(words, tmp_path / "log")
    program.wait_for(lambda: len(checkpoints(folder)) == 2)
    with mounted(folder / "checkpoint", "ro"):
        assert program.exit_code() == 5, program.said()
    assert_stopped(program, folder, errno.EROFS)
    observed("exit code 5; lost: the updates since the last checkpoint, made again")
    assert Program(words, tmp_path / "log").exit_code() == 0
    assert_same_records(whole.folder, folder)


@pytest.mark.injects("a read-only disk from the start", "a read-only tmpfs", "refused with code 2 before any work")
def test_a_read_only_output_folder_is_refused(tmp_path, observed):
    (tmp_path / "disk").mkdir()
    words = command(SETTINGS, tmp_path / "run")
    with mounted(tmp_path / "disk", "ro"):
        program = Program([*words[:-1], str(tmp_path / "disk/run")], tmp_path / "log")
        assert program.exit_code() == 2
    assert "disk/run: cannot be written (Read-only file system); choose another" in program.said()
    observed("exit code 2")


@pytest.mark.injects("an output folder that cannot be made", "a folder in /proc", "refused with code 2 before any work")
def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, observed):
    words = command(SETTINGS, tmp_path / "run")
    program = Program([*words[:-1], "/proc/rtrl-bench"], tmp_path / "log")
    assert program.exit_code() == 2
    assert "output folder /proc/rtrl-bench: cannot be written" in program.said()
    observed("exit code 2")
