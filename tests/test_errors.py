"""Failures with exit codes of their own, and what may import what of them."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys

import pytest

from rtrl_bench import cli, errors

CODES = [
    (errors.ConfigError("no"), 2, ValueError),
    (errors.UnknownName("no"), 2, ValueError),
    (errors.EnvironmentUnavailable("no"), 2, RuntimeError),
    (errors.CheckpointError("no"), 2, RuntimeError),
    (errors.NonFiniteLoss("no"), 3, RuntimeError),
    (errors.EnvironmentFailed("no"), 4, RuntimeError),
    (errors.Unwritable(errno.ENOSPC, "no", "curve.csv"), 5, OSError),
    (errors.Interrupted(signal.SIGTERM, "no"), 128 + signal.SIGTERM, Exception),
]


@pytest.mark.parametrize(("error", "code", "builtin"), CODES, ids=[type(error).__name__ for error, _, _ in CODES])
def test_each_failure_ends_the_command_with_its_code_and_its_message(monkeypatch, capsys, error, code, builtin):
    def fail(_):
        raise error

    monkeypatch.setattr(cli, "_list", fail)
    assert cli.main(["list"]) == code
    assert capsys.readouterr().err == f"rtrl-bench: {error}\n"
    assert "no" in str(error)
    assert isinstance(error, builtin)


def test_every_failure_is_in_the_table_of_codes():
    def below(kind):
        return {one for sub in kind.__subclasses__() for one in (sub, *below(sub))}

    assert {type(error) for error, _, _ in CODES} == below(errors.Failure)


def test_what_is_no_failure_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(cli, "_list", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["list"])


def test_the_library_needs_neither_settings_nor_their_packages():
    code = (
        "import sys, rtrl_bench; rtrl_bench.RecurrentStack(3, 4); print({'rtrl_bench.runs', "
        "'rtrl_bench.experiments', 'rtrl_bench.cli', 'yaml', 'pydantic'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
