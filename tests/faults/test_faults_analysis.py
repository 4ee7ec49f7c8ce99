"""Tables, figures and report: killed at any moment they leave no half file, and the same command completes them."""

from __future__ import annotations

import re
import signal
from functools import partial
from random import Random

import injections
import pytest
from processes import Program
from small_runs import config

from rtrl_bench.experiments import execute

STEPS = ("tables", "figures", "report")
WHOLE = "no partial file remains; the same command writes the same files"


def step(name, results, out, log, inject=None):
    """`python -m analysis.<name>`; its exit code."""
    return Program(["--runs", str(results), "--out", str(out)], log, inject, f"analysis.{name}").exit_code()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """A results folder with two runs, their tables, figures and report."""
    results = tmp_path_factory.mktemp("results") / "test"
    for method in ("tbptt", "rtrl"):
        execute(config(gradient=method), results / "runs/reinforcement/tmaze" / method / "M5/seed0")
    for name in STEPS:
        assert step(name, results, results / name, results.parent / "log") == 0
    return results


def assert_whole_now_and_complete_again(name, analysed, out, log):
    """What is at `out` are whole files; the step, made again, writes the same as ever. How many files there were."""
    expected, left = contents(analysed / name), contents(out)
    there = {file for file in left if ".part" not in file}
    assert all(left[file] == expected[file] for file in there)
    assert there < expected.keys()
    assert step(name, analysed, out, log) == 0
    assert contents(out) == expected
    return f"{name}: {len(there)} of {len(expected)} files were there"


@pytest.mark.injects("SIGKILL between two files of tables, figures or report", "os.replace, wrapped", WHOLE)
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("tables", 0),
        ("report", 0),
        *(pytest.param(name, seed, marks=pytest.mark.faults) for name in ("tables", "figures") for seed in (1, 2)),
    ],
)
def test_a_step_that_is_killed_between_files_is_made_again(analysed, tmp_path, observed, name, seed):
    count = Random(seed).randint(1, len(contents(analysed / name)))
    # beside the results, as links in the report are relative
    out = analysed / f"{name}.{tmp_path.name}" if name == "report" else tmp_path / name
    inject = partial(injections.die_renaming, "*", "before", count)
    assert step(name, analysed, out, tmp_path / "log", inject) == -signal.SIGKILL
    observed(assert_whole_now_and_complete_again(name, analysed, out, tmp_path / "log"))


@pytest.mark.injects("death in the midst of writing a table, a figure or the report", "SIGXFSZ at 20 000 bytes", WHOLE)
@pytest.mark.parametrize("name", [pytest.param("figures", marks=pytest.mark.faults), "report"])
def test_a_half_written_file_is_no_result(analysed, tmp_path, observed, name):
    out = analysed / f"{name}.{tmp_path.name}" if name == "report" else tmp_path / name
    inject = partial(injections.die_writing, 20_000)
    assert step(name, analysed, out, tmp_path / "log", inject) == -signal.SIGXFSZ
    assert any(re.search(r"\.part$", file) for file in contents(out))
    observed(assert_whole_now_and_complete_again(name, analysed, out, tmp_path / "log"))


@pytest.mark.injects("no space for a table", "a file-size limit", "exit code 2 and a message; the same command goes on")
def test_a_table_that_cannot_be_written_is_named(analysed, tmp_path, observed):
    out, log = tmp_path / "tables", tmp_path / "log"
    assert step("tables", analysed, out, log, partial(injections.limit_files, 1000)) == 2
    assert re.fullmatch(rf"analysis\.tables: {out}/\S+: File too large", log.read_text().splitlines()[-1])
    observed(assert_whole_now_and_complete_again("tables", analysed, out, log))
