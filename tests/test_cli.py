"""The command line itself: words that it does not know, and what a command leaves behind in the process."""

from __future__ import annotations

import signal

import pytest
from small_runs import config

from rtrl_bench import cli
from rtrl_bench.runs.settings import dump


def refused(capsys, *words):
    """The last line of what is said of words that are refused."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert stop.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("typed", "meant"), [("lst", "list"), ("tran", "train"), ("rum", "run")])
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(capsys, typed, meant):
    said = refused(capsys, typed)
    assert f"COMMAND {typed!r}: expected one of run, train, evaluate" in said
    assert said.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize("command", ["train", "run"])
@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e300", "soon"])
def test_a_span_of_time_that_is_none_is_refused(capsys, command, text):
    said = refused(capsys, command, "--config", "c", "--out", "o", f"--stop-after={text}")
    assert f"argument --stop-after: {text!r}: expected a number of seconds from 0 to" in said


@pytest.mark.parametrize("option", ["--config", "--out"])
def test_an_empty_path_is_not_the_present_folder(capsys, option):
    words = {"--config": "c", "--out": "o", option: ""}
    said = refused(capsys, "train", *(word for pair in words.items() for word in pair))
    assert f"argument {option}: '': expected the path of a file or folder" in said


def test_the_alarm_ends_with_the_run(tmp_path):
    (tmp_path / "run.yaml").write_text(dump(config()))
    words = ["train", "--config", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "run"), "--stop-after", "1000"]
    for _ in ("made", "found complete"):
        assert cli.main(words) == 0
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_command_that_is_ended_from_within_is_no_success(monkeypatch, capsys):
    def leave(arguments):
        raise SystemExit(0)

    monkeypatch.setattr(cli, "_list", leave)
    assert cli.main(["list"]) == 1
    assert "something called sys.exit(0) while the command ran: it did not finish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message", "meant"),
    [
        ("cost --hidden 8 --input 4 --cell elsmt", "unknown cell 'elsmt': expected one of ", "elstm"),
        ("cost --hidden 8 --input 4 --gradient rtl", "unknown method 'rtl': expected one of bptt, ", "rtrl"),
        ("show rooms_watermase --out a.png", "unknown level 'rooms_watermase': expected one of ", "rooms_watermaze"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(capsys, words, message, meant):
    assert cli.main(words.split()) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert message in said
    assert said.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cost --input 4 --hidden 0", "argument --hidden: '0': expected an integer from 1 to 1,048,576"),
        ("cost --input -2 --hidden 8", "argument --input: '-2': expected an integer from 1 to 1,048,576"),
        ("cost --input 4 --hidden 99999999999999999999", "expected an integer from 1 to 1,048,576"),
        ("cost --input 4 --hidden 8 --layers 2.5", "'2.5': expected an integer from 1 to 1,000"),
        ("show rooms_watermaze --out a.png --frames 9999999999", "expected an integer from 1 to 100,000"),
        ("show rooms_watermaze --out a.png --scale 100000", "expected an integer from 1 to 32"),
        ("show rooms_watermaze --out a.png --seed -1", "'-1': expected an integer from 0 to"),
    ],
)
def test_a_number_out_of_bounds_is_refused(capsys, words, message):
    assert message in refused(capsys, *words.split())
