"""Nobody reads what is printed: a run finishes all the same; a command whose result is what it prints says so."""

from __future__ import annotations

import json
import os
import sys
from functools import partial

import faulty_environments
import pytest
from processes import SETTINGS, Program, assert_same_records, command

RUN = "the run finishes with exit code 0 and its records"


def unread_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_disk():
    return os.open("/dev/full", os.O_WRONLY)


def dead_terminal():
    ours, theirs = os.openpty()
    os.close(ours)
    return theirs


def print_results_to(make):
    os.dup2(make(), 1)


def print_to(make):
    """Standard output and standard error go to what `make` opens."""
    descriptor = make()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def close_output():
    """As `>&- 2>&-` of a shell."""
    os.close(1)
    os.close(2)
    sys.stdout = sys.stderr = None


PLACES = {make.__name__: partial(print_to, make) for make in (unread_pipe, full_disk, dead_terminal)}
PLACES["closed"] = close_output


@pytest.mark.injects("standard output and error are gone", "a pipe without reader, /dev/full, a dead terminal", RUN)
@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_nobody_listens_to_finishes(whole, tmp_path, observed, place):
    program = Program(command(SETTINGS, tmp_path / "run"), tmp_path / "log", PLACES[place])
    assert program.exit_code() == 0
    assert_same_records(whole.folder, tmp_path / "run")
    observed(f"{place.replace('_', ' ')}: exit code 0")


@pytest.mark.injects("a result cannot be printed", "/dev/full as standard output", "exit code 5 and what to do")
def test_a_result_that_cannot_be_printed_is_no_success(tmp_path, observed):
    words = ["cost", "--hidden", "8", "--input", "4"]
    program = Program(words, tmp_path / "log", partial(print_results_to, full_disk))
    assert program.exit_code() == 5
    assert "standard output: cannot be written (No space left on device)" in program.said()
    observed("exit code 5")


def test_who_reads_the_beginning_of_a_result_only_hears_no_complaint(tmp_path):
    program = Program(
        ["cost", "--hidden", "8", "--input", "4"], tmp_path / "log", partial(print_results_to, unread_pipe)
    )
    assert program.exit_code() == 141
    assert program.said() == ""


def print_in_steps(path):
    print_results_to(partial(os.open, path, os.O_WRONLY | os.O_CREAT))
    faulty_environments.FAULT, faulty_environments.BAD_STEP = "it prints", 3


def test_what_an_environment_prints_is_not_mixed_into_a_result(tmp_path):
    settings = tmp_path / "run.yaml"
    command(faulty_environments.settings(), tmp_path / "run")
    program = Program(
        ["speed", "--config", str(settings), "--seconds", "0.1"],
        tmp_path / "log",
        partial(print_in_steps, tmp_path / "out"),
    )
    assert program.exit_code() == 0, program.said()
    assert json.loads((tmp_path / "out").read_text())["steps_per_s"] > 0
    assert "from Python" in program.said()
    assert "from C" in program.said()
