"""The profile of an update counts every second once, in the part that it belongs to."""

from __future__ import annotations

import time

import pytest
import torch
from device_apart import device_apart  # noqa: F401 (a fixture)
from small_runs import config

from rtrl_bench.experiments.reinforcement import throughput
from rtrl_bench.experiments.reinforcement.agents import check_choices
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs import timing

PICTURES = {"environment": "rooms_watermaze", "environment_options": {}, "vision": "nature", "features": 8, "batch": 2}
SLOW_S = 0.05


def slowed(original):
    def late(*arguments):
        time.sleep(SLOW_S)
        return original(*arguments)

    return late


@pytest.fixture
def training():
    made = Training(config(**PICTURES), torch.device("cpu"))
    made.update()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("part", "owner", "name", "calls"),
    [
        ("env", lambda t: t.env, "step", 5),
        ("act.stem", lambda t: t.network.vision.linear, "forward", 6),  # one for the bootstrap
        ("act.core", lambda t: t.network.core, "step", 6),
        ("learn.core", lambda t: t.network.core, "forward", 1),
        ("optimiser", lambda t: t.learner.optimiser, "step", 1),
        ("rest", lambda t: t.network.policy, "forward", 7),
    ],
)
def test_time_is_counted_where_it_is_spent(training, monkeypatch, part, owner, name, calls):
    monkeypatch.setattr(owner(training), name, slowed(getattr(owner(training), name)))
    clock = throughput.Clock(training)
    began = time.perf_counter()
    training.update()
    clock.switch("rest")
    whole = time.perf_counter() - began
    clock.close()
    assert set(clock.seconds) <= set(throughput.PARTS)
    assert clock.seconds[part] >= calls * SLOW_S
    assert sum(clock.seconds.values()) == pytest.approx(whole, abs=0.02)


def test_the_backward_pass_is_split_between_core_and_stem(training):
    clock = throughput.Clock(training)
    handle = next(iter(training.network.vision.parameters())).register_hook(lambda gradient: time.sleep(SLOW_S))
    training.update()
    clock.switch("rest")
    clock.close()
    handle.remove()
    assert clock.seconds["learn.stem"] >= SLOW_S
    assert clock.seconds["learn.core"] < SLOW_S


def test_a_closed_clock_leaves_nothing_behind(training):
    before = torch.nn.utils.clip_grad_norm_
    throughput.Clock(training).close()
    assert torch.nn.utils.clip_grad_norm_ is before
    assert "forward" not in vars(training.network.core)


@pytest.mark.parametrize("name", list(throughput.SETTINGS))
def test_every_setting_of_the_benchmark_can_be_run(name):
    check_choices(throughput.settings(name))


def test_what_a_gpu_still_works_on_counts_for_the_part_that_gave_it(training, monkeypatch):
    """A clock that did not wait would count it where the first result is looked at."""
    queued, method = [], training.network.core.method
    monkeypatch.setattr(throughput, "time_when_done", lambda device: time.perf_counter() + sum(queued))
    segment = method.segment
    monkeypatch.setattr(method, "segment", lambda *arguments: (queued.append(SLOW_S), segment(*arguments))[1])
    clock = throughput.Clock(training)
    training.update()
    clock.switch("rest")
    clock.close()
    assert clock.seconds["learn.core"] >= SLOW_S


def test_of_a_replayed_step_all_but_the_stem_counts_for_the_core(device_apart, monkeypatch):  # noqa: F811
    made = Training(config(**PICTURES), torch.device("cpu"))
    made.update()
    monkeypatch.setattr(made.network.policy, "forward", slowed(made.network.policy.forward))
    clock = throughput.Clock(made)
    made.update()
    clock.close()
    made.close()
    assert clock.seconds["act.core"] >= 5 * SLOW_S
    assert clock.seconds["act.stem"] > 0


def test_the_time_when_done_waits_for_the_device(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    gpu = torch.device("cuda")
    assert timing.time_when_done(gpu) <= timing.time_when_done(torch.device("cpu"))
    assert waited == [gpu]
