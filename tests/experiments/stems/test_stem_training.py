"""Stems taught from the simulator's state: what they learn from, that agents take them over, and what is refused."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch
from small_runs import game, parameters

from rtrl_bench.cli import main
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError, Interrupted, UnknownName
from rtrl_bench.experiments import KINDS, execute
from rtrl_bench.experiments.reinforcement.evaluate import derived_seed
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.experiments.stems.frames import HELD_OUT, TRAINING, NewestFrames, Watched
from rtrl_bench.experiments.stems.training import StemTraining
from rtrl_bench.rooms.labels import CLASSES, in_view
from rtrl_bench.runs import memory_limit
from rtrl_bench.runs.settings import dump

NONMATCHING = "rooms_select_nonmatching_object"
CPU = torch.device("cpu")


def settings(**changes):
    """A stem that sees 24 frames."""
    base = {"environment": NONMATCHING, "env_steps": 24, "slots": 2, "buffer": 8, "batch": 4, "features": 16}
    return StemConfig(**{**base, "threads": 1, "device": "cpu", **changes})


def agent(**changes):
    return game(NONMATCHING, vision="pooled", env_steps=40, **changes)


def stem_of(folder):
    return {name: value for name, value in parameters(folder).items() if name.startswith("vision.")}


@pytest.mark.parametrize("level", CLASSES)
def test_a_stem_is_taught_in_every_level(level, tmp_path):
    record = execute(settings(environment=level), tmp_path)
    assert (record["method"], record["kind"], record["env_steps"], record["updates"]) == ("state", "stems", 24, 12)
    assert all((tmp_path / name).exists() for name in KINDS["stems"].outputs(settings()))
    assert {"torch", "numba", "simulator"} <= record["versions"].keys()
    rows = json.loads((tmp_path / "evaluation.json").read_text())["labels"]
    assert {row["label"] for row in rows if "accuracy" in row} == set(CLASSES[level])


def test_the_same_seed_gives_the_same_parameters_and_another_one_others(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        execute(settings(seed=seed), tmp_path / name)
    one, two, three = (stem_of(tmp_path / name) for name in ("one", "two", "three"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_every_parameter_of_the_stem_is_taught_and_the_loss_on_the_same_frames_falls(monkeypatch):
    training = StemTraining(settings(batch=16, env_steps=120), CPU)
    for _ in range(4):
        training.frames.record()
    monkeypatch.setattr(training.frames, "record", lambda: None)
    before = {name: value.clone() for name, value in training.vision.state_dict().items()}
    training.run(lambda: False, lambda: None)
    assert not any(torch.equal(before[name], value) for name, value in training.vision.state_dict().items())
    losses = [row[2] for row in training.curve]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    assert training.curve[-1][3] == 0  # the learning rate has fallen to zero


def test_an_agent_takes_the_stem_over_and_none_of_its_gradients_reaches_it(tmp_path):
    source = execute(settings(), tmp_path / "stem")
    record = execute(agent(pretrained={"run": str(tmp_path / "stem")}), tmp_path / "agent")
    origin = record["pretrained"]
    assert (origin["method"], origin["environment"], origin["env_steps"]) == ("state", NONMATCHING, 24)
    assert (origin["fingerprint"], origin["seed"]) == (source["fingerprint"], 0)
    before, after = stem_of(tmp_path / "stem"), stem_of(tmp_path / "agent")
    assert before.keys() == after.keys() != set()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_another_stem_than_the_agents_is_refused(tmp_path):
    execute(settings(), tmp_path / "stem")
    with pytest.raises(ConfigError, match="features = 8: the run that the vision stem comes from has 16"):
        execute(agent(features=8, pretrained={"run": str(tmp_path / "stem")}), tmp_path / "agent")


def test_a_stem_from_another_simulator_than_the_agents_is_refused(tmp_path):
    execute(settings(), tmp_path / "stem")
    message = "its stem saw rooms_select_nonmatching_object in rooms, this run plays in deepmind_lab; .*backend: rooms"
    with pytest.raises(ConfigError, match=message):
        execute(agent(backend="deepmind_lab", pretrained={"run": str(tmp_path / "stem")}), tmp_path / "agent")


def test_episodes_to_learn_from_to_test_on_and_to_evaluate_agents_in_have_nothing_in_common():
    seen = []
    for part in (TRAINING, HELD_OUT):
        watched = Watched(settings(slots=64), part)
        seen.append(watched.env.simulator.slots["seed"].copy())
    for number in range(3):
        env = registry.make(NONMATCHING, 64, seed=derived_seed(0, 1, number), split="test", backend="rooms", threads=1)
        env.reset()
        seen.append(env.simulator.slots["seed"].copy())
    assert len(set(np.concatenate(seen).tolist())) == 5 * 64


def test_frames_are_drawn_with_their_own_labels_from_the_newest(monkeypatch):
    frames, seen = NewestFrames(settings(buffer=6)), []
    for _ in range(10):
        slots = frames.watched.env.simulator.slots
        seen += list(zip(frames.watched.images.copy(), in_view(NONMATCHING, slots.copy())["place"]))
        frames.record()
    newest = {image.tobytes(): place for image, place in seen[-6:]}
    images, labels = frames.draw(200, torch.Generator().manual_seed(0))
    drawn = {image.numpy().tobytes() for image in images}
    assert drawn == newest.keys() and len(newest) > 2
    for image, place in zip(images, labels["place"]):
        assert np.array_equal(newest[image.numpy().tobytes()], place.numpy())


def test_a_finished_stem_is_not_taught_again(tmp_path, monkeypatch):
    record = execute(settings(), tmp_path)
    monkeypatch.setattr(StemTraining, "update", lambda self: 1 / 0)
    assert execute(settings(), tmp_path) == record


def test_a_stopped_stem_goes_on_bit_for_bit(tmp_path, monkeypatch):
    whole = execute(settings(), tmp_path / "whole")
    update = StemTraining.update

    def stopping(self):
        update(self)
        if self.updates == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(StemTraining, "update", stopping)
        with pytest.raises(Interrupted):
            execute(settings(), tmp_path / "cut")
    with pytest.raises(ConfigError, match="expected the folder of a finished run"):
        execute(agent(pretrained={"run": str(tmp_path / "cut")}), tmp_path / "agent")
    record = execute(settings(), tmp_path / "cut")
    assert (record["resumes"], record["accuracies"]) == (1, whole["accuracies"])
    one, two = (parameters(tmp_path / name) for name in ("whole", "cut"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    evaluations = [(tmp_path / name / "evaluation.json").read_text() for name in ("whole", "cut")]
    assert evaluations[0] == evaluations[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": "breakout"}, "environment = 'breakout', which has no state to teach from: expected"),
        ({"vision": "flat"}, "vision = 'flat': has no parameters to learn; choose a stem for images"),
        ({"environment_options": {"hut": True}}, "unknown option 'hut' of environment rooms_"),
        ({"vision": "nope"}, "unknown vision stem 'nope'"),
        ({"batch": 0}, "batch = 0: expected an integer in"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_made(changes, message, tmp_path):
    with pytest.raises((ConfigError, UnknownName), match=message):
        execute(settings(**changes), tmp_path / "stem")
    assert not (tmp_path / "stem").exists()


def test_more_frames_than_memory_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_limit, "free_bytes", lambda: 10**9)
    with pytest.raises(ConfigError, match=r"buffer = 100,000 needs 2,073,600,000 bytes .*: lower it"):
        execute(settings(buffer=100_000), tmp_path / "stem")


def test_the_command_teaches_a_stem_and_refuses_a_mistake_with_code_2(tmp_path, capsys):
    config, out = tmp_path / "stem.yaml", tmp_path / "stem"
    config.write_text(dump(settings()))
    assert main(["run", "--config", str(config), "--out", str(out)]) == 0
    assert "right in held-out episodes" in capsys.readouterr().out
    config.write_text(dump(settings(seed=1)))
    assert main(["run", "--config", str(config), "--out", str(out)]) == 2
    assert "--restart-if-changed" in capsys.readouterr().err
    assert main(["run", "--config", str(config), "--out", str(out), "--restart-if-changed"]) == 0
    assert json.loads((out / "run.json").read_text())["config"]["seed"] == 1
