"""Where DeepMind Lab comes or goes: a run ends in the simulator that it began in, and begins in its vision stem's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from marks import needs_procgen
from small_runs import assert_same_run, game, interrupt

from rtrl_bench.cli import main
from rtrl_bench.envs import registry
from rtrl_bench.envs.dmlab_rooms import RoomsBatch
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS, execute
from rtrl_bench.experiments.stems.config import StemConfig

LEVEL = "rooms_watermaze"
KIND = KINDS["reinforcement"]


class Lab(RoomsBatch):
    """Stands in for DeepMind Lab: its state cannot be saved."""

    can_restore = False

    def __init__(self, spec, request):
        super().__init__(spec, request)
        self.backend = "deepmind_lab 1.0"


class Machine:
    """Whether DeepMind Lab is installed."""

    has_lab = False

    def available(self, spec):
        if self.has_lab:
            return registry.Availability(True, "deepmind_lab 1.0")
        return registry.Availability(False, reason="no Lab is here", fix="build it")


@pytest.fixture
def machine(monkeypatch):
    """A machine on which DeepMind Lab may be installed for LEVEL, at first without."""
    machine, spec = Machine(), registry.spec(LEVEL)
    lab, rooms = spec.backends
    lab = replace(lab, available=machine.available, make=Lab)
    monkeypatch.setitem(registry.ENVIRONMENTS._things, LEVEL, replace(spec, backends=(lab, rooms)))
    return machine


def agent(**changes):
    return game(LEVEL, **{"env_steps": 60, **changes})


def taught_stem(folder):
    """The folder of a finished vision stem that was taught in `rooms`."""
    small = {"env_steps": 24, "slots": 2, "buffer": 8, "batch": 4, "features": 16, "threads": 1, "device": "cpu"}
    execute(StemConfig(environment=LEVEL, vision="nature", **small), folder)
    return str(folder)


def told(folder):
    return json.loads((folder / "evaluation.json").read_text())["backend"]


@pytest.mark.parametrize("updates", [3, 6])
def test_a_run_begun_in_lab_is_refused_where_lab_is_gone_and_keeps_its_checkpoint(
    machine, tmp_path, monkeypatch, updates
):
    machine.has_lab = True
    interrupt(agent(), tmp_path, monkeypatch, updates)
    machine.has_lab = False
    message = "this run began in deepmind_lab, which cannot run here: no Lab is here; build it"
    with pytest.raises(ConfigError, match=message):
        execute(agent(), tmp_path, restart_if_changed=True)
    machine.has_lab = True
    record = execute(agent(), tmp_path)
    assert (record["simulator"], record["resumes"]) == ("deepmind_lab", int(updates < 6))
    assert told(tmp_path) == "deepmind_lab 1.0"


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_run_begun_in_rooms_goes_on_there_where_lab_has_come(machine, tmp_path, monkeypatch, deterministic):
    settings = agent(deterministic=deterministic)
    execute(settings, tmp_path / "whole")
    interrupt(settings, tmp_path / "cut", monkeypatch, 3)
    machine.has_lab = True
    record = execute(settings, tmp_path / "cut")
    assert (record["simulator"], record["exact_resume"]) == ("rooms", True)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_an_agent_is_evaluated_in_the_simulator_that_it_was_trained_in(machine, tmp_path, capsys):
    execute(agent(), tmp_path)
    machine.has_lab = True
    assert main(["evaluate", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "evaluation.json").read_text())
    assert told(tmp_path).startswith("rooms ")


def test_the_evaluation_of_an_agent_whose_simulator_is_gone_is_refused(machine, tmp_path, capsys):
    machine.has_lab = True
    execute(agent(), tmp_path)
    machine.has_lab = False
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "this agent was trained in deepmind_lab, which cannot run here: no Lab" in capsys.readouterr().err


def test_a_run_plays_in_the_simulator_of_its_vision_stem(machine, tmp_path):
    machine.has_lab = True
    settings = agent(pretrained={"run": taught_stem(tmp_path / "stem")})
    record = execute(settings, tmp_path / "agent")
    assert (record["simulator"], told(tmp_path / "agent")) == ("rooms", record["backend"])
    assert record["fingerprint"] == KIND.resolve(settings, tmp_path, tmp_path).fingerprint()
    assert record["config"]["backend"] == "auto"


def test_a_stem_whose_simulator_is_gone_is_refused_and_planned_as_lacking(machine, tmp_path):
    machine.has_lab = True
    execute(agent(gradient="tbptt"), tmp_path / "stem")
    settings = agent(pretrained={"run": str(tmp_path / "stem")})
    assert KIND.lack(settings) is None
    machine.has_lab = False
    with pytest.raises(ConfigError, match="vision stem saw it in deepmind_lab, which cannot run here"):
        execute(settings, tmp_path / "agent")
    assert KIND.lack(settings).reason == "no Lab is here"


@needs_procgen
def test_a_stem_of_procgen_is_taken_over_by_the_same_game(tmp_path):
    execute(game("chaser", gradient="tbptt", env_steps=20), tmp_path / "stem")
    record = execute(game("chaser", env_steps=20, pretrained={"run": str(tmp_path / "stem")}), tmp_path / "agent")
    assert record["simulator"] == "procgen"
