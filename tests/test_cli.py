"""The command line itself: words that it does not know, and what a command leaves behind in the process."""

from __future__ import annotations

import os
import re
import signal

import pytest
from small_runs import config

from rtrl_bench import cli
from rtrl_bench.errors import Interrupted
from rtrl_bench.experiments import load_run
from rtrl_bench.runs import execution
from rtrl_bench.runs.settings import dump
from rtrl_bench.runs.signals import SIGNALS, alarm, interrupt_on_signals, undisturbed


def refused(capsys, *words):
    """The last line of what is said of words that are refused."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert stop.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("typed", "meant"), [("lst", "list"), ("tran", "train"), ("rum", "run")])
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(capsys, typed, meant):
    said = refused(capsys, typed)
    assert f"COMMAND {typed!r}: expected one of train, run, evaluate" in said
    assert said.endswith(f"did you mean {meant}?")


def test_train_takes_agents_alone(capsys, tmp_path):
    words = ["kind=sequences", "task=copy", "steps=10", "hidden=4"]
    assert cli.main(["train", "--set", *words, "--out", str(tmp_path / "run")]) == 2
    assert "kind = 'sequences': train takes only agents; use `python -m rtrl_bench run`" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["train", "run"])
@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e300", "soon"])
def test_a_span_of_time_that_is_none_is_refused(capsys, command, text):
    said = refused(capsys, command, "--config", "c", "--out", "o", f"--stop-after={text}")
    assert f"argument --stop-after: {text!r}: expected a number of seconds from 0 to" in said


def test_every_configuration_needs_a_folder_of_its_own(capsys):
    assert cli.main(["run", "--config=a.yaml", "--config=b.yaml", "--out=a"]) == 2
    assert "1 --out for 2 --config: expected a folder for each file" in capsys.readouterr().err


TMAZE = "train --out run --set environment=tmaze vision=flat env_steps=320 unroll=5 evaluation.episodes=2".split()


def test_settings_of_the_command_line_make_a_run_without_a_file_with_a_first_and_a_last_line(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TMAZE, "--set", "optimiser.learning_rate=1e-3", "--set", "hidden=8", "seed=3"]) == 0
    made = load_run(tmp_path / "run" / "config.yaml")
    assert (made.optimiser.learning_rate, made.hidden, made.seed, made.evaluation.episodes) == (1e-3, 8, 3, 2)
    said = capsys.readouterr()
    label = "tmaze rtrl M=5 seed 3: "
    assert said.err.startswith(f"{label}320 steps on ") and f", in {tmp_path / 'run'}" in said.err.splitlines()[0]
    assert re.fullmatch(rf"{label}return .* episodes, 320 steps in .*, in {tmp_path / 'run'}\n", said.out)


def test_settings_of_the_command_line_stand_above_those_of_the_file(tmp_path, capsys):
    (tmp_path / "run.yaml").write_text(dump(config(env_steps=320)))
    words = ["--config", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "run"), "--set", "env_steps=640"]
    assert cli.main(["train", *words]) == 0
    assert load_run(tmp_path / "run" / "config.yaml").env_steps == 640


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("unrol=5", r"run\.yaml with --set: unknown key unrol: .*; did you mean unroll\?"),
        ("optimiser.learn_rate=1", r"unknown key optimiser\.learn_rate: .*; did you mean optimiser\.learning_rate\?"),
        ("unroll=many", r"unroll = 'many': expected an integer in "),
    ],
)
def test_a_mistake_in_a_setting_is_told_as_one_in_the_file(tmp_path, capsys, given, message):
    (tmp_path / "run.yaml").write_text(dump(config()))
    assert cli.main(["train", "--config", str(tmp_path / "run.yaml"), "--out", "o", "--set", given]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(("given", "message"), [("unroll", "expected KEY=VALUE"), ("unroll=[", "not valid YAML")])
def test_words_that_set_nothing_are_refused(capsys, given, message):
    assert message in refused(capsys, "train", "--out", "o", "--set", given)


def test_the_help_of_every_command_has_an_example_that_is_accepted(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        examples = re.findall(rf"^  {re.escape(cli.PROGRAM)} (.*)$", capsys.readouterr().out, re.MULTILINE)
        assert examples, command
        for example in examples:
            assert cli._parser().parse_args(example.split())


def test_the_help_tells_defaults(capsys):
    with pytest.raises(SystemExit):
        cli.main(["cost", "--help"])
    assert "(default: 32)" in capsys.readouterr().out


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


def two_runs(folder):
    """The words that make two runs, in `seed0` and `seed1`."""
    (folder / "run.yaml").write_text(dump(config()))
    words = ["train"]
    for seed in (0, 1):
        words += ["--config", str(folder / "run.yaml"), "--out", str(folder / f"seed{seed}")]
    return words


def test_a_run_that_fails_keeps_none_behind_it_from_being_made(tmp_path, capsys):
    words = two_runs(tmp_path)
    (tmp_path / "seed0").mkdir()
    (tmp_path / "seed0/curve.csv").touch()
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert f", in {tmp_path / 'seed1'}\n" in said.out
    problem = f"output folder {tmp_path / 'seed0'} holds curve.csv and no run that made it"
    assert f"\nrtrl-bench: {problem}" in f"\n{said.err}"
    assert said.err.splitlines()[-1].startswith(
        f"rtrl-bench: 1 of 2 runs failed, first that in {tmp_path / 'seed0'}: {problem}"
    )


def test_a_run_whose_record_was_deleted_as_another_one_failed_is_finished_again(tmp_path):
    words = two_runs(tmp_path)
    (tmp_path / "seed0").mkdir()
    (tmp_path / "seed0/curve.csv").touch()
    record, curve = tmp_path / "seed1/run.json", tmp_path / "seed1/curve.csv"
    assert cli.main(words) == 2
    trained = curve.read_text()
    record.unlink()  # as Snakemake does
    assert cli.main(words) == 2
    assert record.exists()
    assert curve.read_text() == trained  # with its times: nothing was trained again


def test_a_signal_during_a_run_leaves_those_behind_it_alone(tmp_path, monkeypatch):
    def stop(settings, folder, *more):
        begun.append(folder.name)
        raise Interrupted(signal.SIGTERM, folder)

    begun = []
    monkeypatch.setattr(cli, "execute", stop)
    assert cli.main(two_runs(tmp_path)) == 128 + signal.SIGTERM
    assert begun == ["seed0"]


def test_a_signal_while_a_record_is_written_stops_before_the_next_run(tmp_path, monkeypatch):
    def signalled(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return finish(*arguments)

    finish = execution._finish
    monkeypatch.setattr(execution, "_finish", signalled)
    words = two_runs(tmp_path)
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    try:
        interrupt_on_signals()
        assert cli.main(words) == 128 + signal.SIGTERM
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert (tmp_path / "seed0/run.json").exists()
    assert not (tmp_path / "seed1").exists()


def test_the_alarm_outlives_the_record_of_the_first_run():
    with alarm(1000):
        with undisturbed(more=True):
            pass
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0


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
