"""Runs on CUDA: records, evaluation, checkpoints that change the device, and updates that equal the CPU's."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from oracles.problem import assert_same
from small_runs import config, curve, game, interrupt, parameters

from rtrl_bench.agent.vision import VISION
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.trained import evaluate_checkpoint
from rtrl_bench.runs import checkpoint

ROOMS = "rooms_select_nonmatching_object"
FLOAT32_TOLERANCE = 1e-3  # of a step of all parameters, behind V-trace and a convolutional stem
CPU = torch.device("cpu")


def memory(**changes):
    return config(gradient="rtrl", **changes)


def level(**changes):
    return game(ROOMS, **{"env_steps": 40, "gradient": "rtrl", **changes})


def of_device(device, folder):
    """A finished run's record, which says that all of it happened there."""
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "complete" and record["device"] == device.type
    assert [process["device"] for process in record["processes"]] == [device.type]
    assert record["peak_bytes"] > 0 and record["carried_bytes"] > 0
    return record


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"deterministic": False},
        {"gradient": "tbptt", "window": "episode"},
        {"gradient_quality": 2},
        {"cell": "lstm", "gradient": "tbptt"},
        {"cell": "none", "gradient": "tbptt"},
        {"layers": 2},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())) or "rtrl",
)
def test_a_run_of_a_memory_task_writes_its_records(device, tmp_path, changes):
    settings = config(**{"gradient": "rtrl", **changes}, device=device.type)
    execute(settings, tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["status"] == "complete" and record["device"] == device.type
    assert len(curve(tmp_path)) == 10
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    assert [len(s["returns"]) for s in evaluation["sets"]] == [3, 3]
    assert evaluate_checkpoint(settings, tmp_path) == evaluation


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_run_of_a_level_and_one_on_its_frozen_stem(device, tmp_path, deterministic):
    keys = {"device": device.type, "deterministic": deterministic}
    execute(level(**keys), tmp_path / "trained")
    execute(level(**keys, pretrained={"run": str(tmp_path / "trained")}), tmp_path / "frozen")
    for folder in (tmp_path / "trained", tmp_path / "frozen"):
        record = of_device(device, folder)
        assert record["evaluation"]["episodes"] == 2
    stem = {name: p for name, p in parameters(tmp_path / "trained").items() if name.startswith("vision.")}
    assert_same({name: parameters(tmp_path / "frozen")[name] for name in stem}, stem)


@pytest.mark.parametrize("make", [memory, level])
@pytest.mark.parametrize("order", ["to the device", "back"])
def test_a_checkpoint_goes_on_elsewhere(device, tmp_path, monkeypatch, make, order):
    first, second = (CPU, device) if order == "to the device" else (device, CPU)
    interrupt(make(device=first.type), tmp_path, monkeypatch, 2)
    saved = checkpoint.load_newest(tmp_path / "checkpoint")
    training = Training(make(device=second.type), second)
    training.restore(saved)
    moved = training.state()
    training.close()
    assert moved["carry"]["state"].device.type == second.type
    for part in ("network", "carry"):
        assert_same(*(_tensors(state[part]) for state in (moved, saved)), tolerance=1e-30)
    record = execute(make(device=second.type), tmp_path)
    assert [process["device"] for process in record["processes"]] == [first.type, second.type]
    assert record["exact_resume"] is (first.type == second.type)


def _tensors(state):
    """What of a checkpoint's part are floating-point tensors, by name, on the CPU."""
    flat = {**state, **state.get("traces", {})}
    return {name: v.cpu() for name, v in flat.items() if isinstance(v, torch.Tensor) and v.is_floating_point()}


@pytest.mark.parametrize("vision", [name for name in VISION if VISION[name].takes == "images"])
def test_an_update_equals_that_of_the_cpu(device, vision):
    settings = level(vision=vision, deterministic=True)
    here, there = Training(settings, CPU), Training(settings, device)
    there.network.load_state_dict(here.network.state_dict())
    acted = here.actor.act(here.carry.state, 1)
    moved = {f.name: getattr(acted.segment, f.name).to(device) for f in dataclasses.fields(acted.segment)}
    metrics, _ = here.learner.update(acted.segment, here.carry, 0, 1)
    found, _ = there.learner.update(type(acted.segment)(**moved), there.carry, 0, 1)
    here.close()
    there.close()
    assert_same({"metrics": found.cpu()}, {"metrics": metrics}, FLOAT32_TOLERANCE)
    expected = {name: p.grad for name, p in here.network.named_parameters()}
    assert_same({name: p.grad.cpu() for name, p in there.network.named_parameters()}, expected, FLOAT32_TOLERANCE)
