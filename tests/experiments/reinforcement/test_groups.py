"""Two groups of slots that are acted for at the same time: each as if it were alone, and runs resume bit for bit."""

from __future__ import annotations

import time

import pytest
import torch
from small_runs import assert_same_run, config, interrupt

from rtrl_bench.envs import registry
from rtrl_bench.errors import EnvironmentFailed
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement import groups
from rtrl_bench.experiments.reinforcement.actor import Actor
from rtrl_bench.experiments.reinforcement.loop import Training

CPU = torch.device("cpu")


def beside(**changes):
    return config(**{"deterministic": False, "batch": 5, **changes})


@pytest.fixture
def two_groups(monkeypatch):
    """As on a GPU; returns what undoes it."""
    sizes = groups.group_sizes
    monkeypatch.setattr(groups, "apart", lambda device: True)
    assert sizes(beside(), CPU) == [3, 2]
    return lambda: monkeypatch.setattr(groups, "apart", lambda device: False)


def test_slots_are_one_group_on_a_cpu_in_turn_and_alone(monkeypatch):
    assert groups.group_sizes(beside(), CPU) == [5]
    monkeypatch.setattr(groups, "apart", lambda device: True)
    assert groups.group_sizes(beside(deterministic=True), CPU) == [5]
    assert groups.group_sizes(beside(batch=1), CPU) == [1]


def test_each_group_acts_as_it_would_alone(two_groups):
    settings = beside()
    training = Training(settings, CPU)
    state = torch.randn(5, 1, settings.hidden)
    whole = training.actor.act(state, 1)
    slots = {0: slice(0, 3), 1: slice(3, 5)}
    for group, mine in slots.items():
        seed = groups.group_seed(groups.env_seed(settings, 0), group)
        env = registry.make("tmaze", mine.stop - mine.start, seed=seed, options={"delay": 3})
        alone = Actor(training.network, env, settings, CPU, seed, groups.group_seed(settings.seed, group))
        expected = alone.act(state[mine], 1)
        for name, value in vars(expected.segment).items():
            found = vars(whole.segment)[name]
            assert torch.equal(found[mine] if name.startswith("next_") else found[:, mine], value), name
        assert torch.equal(whole.state[mine], expected.state)
    training.close()


def test_games_of_all_groups_are_counted_and_no_two_groups_see_the_same(two_groups):
    training = Training(beside(batch=8, unroll=40), CPU)
    acted = training.actor.act(training.carry.state, 1)
    parts = [actor.act(state, 2) for actor, state in zip(training.actor.actors, acted.state.split(4))]
    assert groups.joined(parts).returns == [score for part in parts for score in part.returns]
    assert not torch.equal(*(part.segment.observations for part in parts))
    assert len(acted.returns) == len(acted.lengths) > 0
    training.close()


@pytest.mark.parametrize("slow", [0, 1])
def test_what_is_acted_depends_on_no_timing(two_groups, slow):
    found = []
    for delay in (0.0, 0.01):
        training = Training(beside(), CPU)
        act = training.actor.actors[slow].act
        training.actor.actors[slow].act = lambda *given, act=act, delay=delay: (time.sleep(delay), act(*given))[1]
        for _ in range(4):
            training.update()
        training.close()
        found.append(list(training.network.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(*found))


def test_a_run_in_groups_resumes_bit_for_bit(tmp_path, monkeypatch, two_groups):
    assert execute(beside(), tmp_path / "whole")["slot_groups"] == 2
    interrupt(beside(), tmp_path / "cut", monkeypatch, 7)
    assert execute(beside(), tmp_path / "cut")["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("first", ["in groups", "in one"])
def test_a_run_goes_on_with_new_episodes_where_there_are_other_groups(tmp_path, monkeypatch, two_groups, first):
    if first == "in one":
        two_groups()
    interrupt(beside(), tmp_path, monkeypatch, 3)
    monkeypatch.setattr(groups, "apart", lambda device: first == "in one")
    record = execute(beside(), tmp_path)
    assert record["status"] == "complete" and not record["exact_resume"]


def test_a_simulator_that_fails_in_one_group_ends_the_run_when_the_other_has_acted(two_groups, tmp_path, monkeypatch):
    original = Actor._step

    def step(self, actions):
        if self.slots == 2 and self.env.steps == 7:
            raise EnvironmentFailed("tmaze failed: on purpose")
        return original(self, actions)

    monkeypatch.setattr(Actor, "_step", step)
    with pytest.raises(EnvironmentFailed, match="on purpose"):
        execute(beside(), tmp_path)


def test_a_second_simulator_that_cannot_be_made_closes_the_first(two_groups, monkeypatch):
    made, original = [], registry.make

    def make(*arguments, **keys):
        if made:
            raise EnvironmentFailed("no second one")
        made.append(original(*arguments, **keys))
        return made[0]

    monkeypatch.setattr(registry, "make", make)
    with pytest.raises(EnvironmentFailed, match="no second one"):
        groups.make_env(beside(), CPU, 0)
    assert made[0].closed


def test_the_groups_environments_look_like_one(two_groups):
    training = Training(beside(), CPU)
    training.update()
    env = training.env
    assert (env.spec_name, env.can_restore, env.action_sizes) == ("tmaze", True, (2,))
    assert env.steps == 2 * 2 * 5  # the segment that was learnt from and the next one
    training.close()
    assert all(one.closed for one in env.envs)
