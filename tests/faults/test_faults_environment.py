"""An environment that crashes, hangs or returns garbage stops the run with its name; nothing is learned from it."""

from __future__ import annotations

import json
import re
import signal
from functools import partial

import faulty_environments
import numpy as np
import pytest
import torch
from processes import Program, command
from small_runs import config, curve, parameters

from rtrl_bench.agent.r2ac import R2AC
from rtrl_bench.cli import main
from rtrl_bench.envs import gymnasium_ids, registry
from rtrl_bench.envs.memory import TMaze

NAME = "gymnasium:faulty_environments:Faulty-v0"
STOPS = "the run stops with code 4 and the environment's name, its last checkpoint kept; the same command goes on"
SETTINGS = faulty_environments.settings()
EXPECTED = {
    "a reward that is not a number": "returned rewards nan in slot 0, expected finite numbers",
    "an infinite reward": "returned rewards inf in slot 0, expected finite numbers",
    "no reward": "returned rewards nan in slot 0, expected finite numbers",
    "an observation that is not a number": "returned observations [ 0. nan  0.] in slot 0, expected finite numbers",
    "an observation of another shape": "failed: ValueError: ",
    "an observation that is text": "failed: ValueError: could not convert string to float: 'nothing'",
    "it raises": "failed: OSError: the licence server is gone",
    "it exits": "failed: SystemExit: 0",
    "it interrupts": "failed: KeyboardInterrupt: ",
}


@pytest.mark.injects("a Gymnasium environment returns garbage or raises, in training", "the environment", STOPS)
@pytest.mark.parametrize("fault", EXPECTED)
def test_nothing_is_learned_from_garbage(tmp_path, monkeypatch, capsys, observed, fault):
    words, learned = command(SETTINGS, tmp_path / "run"), []
    original = R2AC.update
    monkeypatch.setattr(R2AC, "update", lambda self, *more: learned.append(1) or original(self, *more))
    monkeypatch.setattr(faulty_environments, "FAULT", fault)
    assert main(words) == 4
    said = capsys.readouterr().err
    assert f"rtrl-bench: {NAME} {EXPECTED[fault]}".strip() in said.splitlines()[-1]
    assert len(learned) == 5  # those before the segment of step 30
    assert all(torch.isfinite(value).all() for value in parameters(tmp_path / "run").values())
    assert not (tmp_path / "run/run.json").exists()
    monkeypatch.undo()
    assert main(words) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["updates"] == 20
    observed(f"{fault}: exit code 4")


@pytest.mark.injects("a Gymnasium environment returns garbage, in the evaluation", "the environment", STOPS)
def test_garbage_in_the_evaluation_is_never_recorded(tmp_path, monkeypatch, capsys, observed):
    words = command(SETTINGS, tmp_path / "run")
    monkeypatch.setattr(faulty_environments, "BAD_STEP", 120)
    monkeypatch.setattr(faulty_environments, "FAULT", "an infinite reward")
    assert main(words) == 4
    assert f"{NAME} returned rewards inf in slot 0" in capsys.readouterr().err
    assert not (tmp_path / "run/evaluation.json").exists()
    monkeypatch.undo()
    assert main(words) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["resumes"] == 0  # training was over
    observed("exit code 4; lost: the evaluation, made again")


@pytest.mark.injects("a Gymnasium environment exits where it is made or reset", "sys.exit(0)", "code 2 or 4, its name")
@pytest.mark.parametrize(("fault", "code"), [("its constructor exits", 2), ("its reset exits", 4)])
def test_an_environment_that_exits_is_no_success(tmp_path, monkeypatch, capsys, observed, fault, code):
    gymnasium_ids._problems.clear()
    monkeypatch.setattr(faulty_environments, "FAULT", fault)
    assert main(command(SETTINGS, tmp_path / "run")) == code
    assert re.search(f"rtrl-bench: .*{NAME} .*SystemExit: 0", capsys.readouterr().err.splitlines()[-1])
    assert not (tmp_path / "run/run.json").exists()
    gymnasium_ids._problems.clear()
    observed(f"{fault}: exit code {code}")


@pytest.mark.injects("a Gymnasium environment fails where it is closed", "sys.exit(0)", "said; nothing is lost")
def test_an_environment_that_fails_at_its_end_takes_nothing_back(tmp_path, monkeypatch, capsys, observed):
    words = command(SETTINGS, tmp_path / "run")
    registry.validate(NAME)
    monkeypatch.setattr(faulty_environments, "FAULT", "its end exits")
    assert main(words) == 0
    assert f"warning: {NAME} failed to close: SystemExit: 0" in capsys.readouterr().err
    assert json.loads((tmp_path / "run/run.json").read_text())["updates"] == 20
    observed("exit code 0, a warning")


@pytest.mark.injects(
    "an environment changes the working directory", "os.chdir in a step", "records land where they were asked for"
)
def test_records_land_where_they_were_asked_for(tmp_path, monkeypatch, observed):
    command(SETTINGS, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(faulty_environments, "FAULT", "it changes the working directory")
    assert main(["train", "--config", "run.yaml", "--out", "run"]) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["updates"] == 20
    observed("in the folder that was given")


BATCHES = {
    "float64 rewards": (lambda o, r: (o, r.astype(np.float64)), r"rewards float64 \(4,\), expected float32 \(4,\)"),
    "one reward for all": (lambda o, r: (o, r[:1]), r"rewards float32 \(1,\), expected float32 \(4,\)"),
    "a slot too few": (lambda o, r: (o[1:], r), r"observations float32 \(3, 6\), expected float32 \(4, 6\)"),
    "float64 observations": (
        lambda o, r: (o.astype(np.float64), r),
        r"observations float64 \(4, 6\), expected float32",
    ),
    "an infinite observation": (lambda o, r: (o / np.float32(0), r), r"observations .* in slot \d, expected finite"),
}


@pytest.mark.injects("a simulator returns arrays of another form", "its step, wrapped", STOPS)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("garbage", BATCHES)
def test_arrays_of_another_form_stop_the_run(tmp_path, monkeypatch, capsys, observed, garbage):
    change, message = BATCHES[garbage]
    original = TMaze._step

    def step(self, actions):
        observations, rewards, *more = original(self, actions)
        return *change(observations, rewards), *more

    monkeypatch.setattr(TMaze, "_step", step)
    assert main(command(config(), tmp_path / "run")) == 4
    assert re.match(f"rtrl-bench: tmaze returned {message}", capsys.readouterr().err.splitlines()[-1])
    observed(f"{garbage}: exit code 4")


@pytest.mark.injects(
    "a simulator crashes the process", "SIGSEGV in a step", "the log says where; the same command goes on"
)
def test_a_crash_is_located_and_the_run_goes_on(tmp_path, observed):
    words = command(SETTINGS, tmp_path / "run")
    program = Program(words, tmp_path / "log", partial(faulty_environments.break_with, "it crashes"))
    assert program.exit_code() == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in program.said()
    assert 'faulty_environments.py", line' in program.said()
    assert Program(words, tmp_path / "log").exit_code() == 0
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert (record["resumes"], record["exact_resume"], record["updates"]) == (1, False, 20)
    assert [int(row["updates"]) for row in curve(tmp_path / "run")] == list(range(2, 21, 2))
    observed("ended by SIGSEGV, the log names file and line; lost: the updates since the last checkpoint")


@pytest.mark.injects("a simulator hangs in a step", "a sleep of an hour in a step, a watchdog of a second", STOPS)
def test_a_hang_ends_the_process_with_the_environments_name(tmp_path, observed):
    words = command(SETTINGS, tmp_path / "run")
    program = Program(words, tmp_path / "log", partial(faulty_environments.break_with, "it hangs", 1.0))
    assert program.exit_code() == 4
    assert f"rtrl-bench: {NAME}: no step within 1 s" in program.said().splitlines()[-1]
    assert "in misbehave" in program.said()
    assert Program(words, tmp_path / "log").exit_code() == 0
    observed("exit code 4 after the limit, which is an hour; lost: the updates since the last checkpoint")
