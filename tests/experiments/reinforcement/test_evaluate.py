"""Greedy evaluation: one episode per slot, cut and counted honestly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rtrl_bench.envs import registry
from rtrl_bench.envs.batch import BatchEnv
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.reinforcement import episode_limits
from rtrl_bench.experiments.reinforcement import evaluate as module
from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs import progress


def trained(**changes):
    base = {"environment": "tmaze", "environment_options": {"delay": 3}, "env_steps": 100, "vision": "flat"}
    settings = from_dict({**base, "hidden": 8, "batch": 2, "threads": 1, **changes})
    return Training(settings, torch.device("cpu")).network, settings


def test_more_episodes_than_slots_are_played_in_rounds(monkeypatch):
    monkeypatch.setattr(module, "MAX_SLOTS", 4)
    network, settings = trained(evaluation={"sets": 2, "episodes": 10})
    found = module.evaluate(network, settings, torch.device("cpu"))
    assert [len(s["returns"]) for s in found["sets"]] == [10, 10]
    assert all(length == 4 for s in found["sets"] for length in s["lengths"])


@pytest.mark.parametrize(("process_per_slot", "slots"), [(True, 2), (False, 5)])
def test_slots_that_are_processes_are_no_more_than_in_training(monkeypatch, process_per_slot, slots):
    network, settings = trained(evaluation={"sets": 1, "episodes": 5})
    spec = registry.spec("tmaze")
    backend = replace(spec.backends[0], process_per_slot=process_per_slot)
    monkeypatch.setitem(registry.ENVIRONMENTS._things, "tmaze", replace(spec, backends=(backend,)))
    made, make = [], registry.make
    monkeypatch.setattr(registry, "make", lambda name, count, **more: made.append(count) or make(name, count, **more))
    (one,) = module.evaluate(network, settings, torch.device("cpu"))["sets"]
    assert (made, len(one["returns"])) == ([slots], 5)


def test_deepmind_lab_is_a_process_per_slot_and_the_embedded_levels_are_not():
    backends = {b.name: b.process_per_slot for b in registry.spec("rooms_watermaze").backends}
    assert backends == {"deepmind_lab": True, "rooms": False}


def test_an_episode_beyond_max_steps_is_cut_and_counted():
    network, settings = trained(evaluation={"sets": 1, "episodes": 5, "max_steps": 2})
    (one,) = module.evaluate(network, settings, torch.device("cpu"))["sets"]
    assert one["truncated"] == 5
    assert one["lengths"] == [2] * 5


def test_an_environment_without_a_limit_is_cut_after_some_thousand_steps_and_says_so(monkeypatch):
    """CliffWalking ends nowhere but at its goal, and a greedy policy may run against a wall for ever."""
    monkeypatch.setattr(episode_limits, "STEPS_WITHOUT_LIMIT", 60)
    plan = {"sets": 1, "episodes": 2}
    network, settings = trained(environment="gymnasium:CliffWalking-v1", environment_options={}, evaluation=plan)
    with torch.no_grad():
        network.policy.weight.zero_()
        network.policy.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))  # upwards
    found = module.evaluate(network, settings, torch.device("cpu"))
    assert found["max_steps"] == 60
    assert found["sets"][0]["truncated"] == 2
    assert found["sets"][0]["lengths"] == [60, 60]


def test_where_random_play_is_unknown_it_is_measured_beside_the_agents():
    network, settings = trained(
        environment="gymnasium:CartPole-v1", environment_options={}, evaluation={"sets": 2, "episodes": 30}
    )
    found = module.evaluate(network, settings, torch.device("cpu"))
    assert [len(one["returns"]) for one in (*found["sets"], found["random"])] == [30, 30, 30]
    assert 15 < np.mean(found["random"]["returns"]) < 30  # about 22 where Gymnasium draws the actions
    assert len({one["seed"] for one in (*found["sets"], found["random"])}) == 3


def test_where_random_play_is_known_it_is_not_measured():
    network, settings = trained(evaluation={"sets": 1, "episodes": 2})
    assert "random" not in module.evaluate(network, settings, torch.device("cpu"))


def test_a_random_player_draws_every_value_of_every_factor_evenly():
    player = module.RandomPlayer([2, 3], seed=0)
    logits, *_ = player.act(torch.zeros(30_000, 4))
    actions = player.actions.greedy(logits)
    for factor, size in enumerate((2, 3)):
        shares = torch.bincount(actions[:, factor], minlength=size) / len(actions)
        assert (shares - 1 / size).abs().max() < 0.01


@pytest.mark.parametrize(("environment", "plan", "steps"), [("tmaze", {}, None), ("tmaze", {"max_steps": 3}, 3)])
def test_an_environment_that_ends_by_itself_is_cut_where_it_is_asked_for_alone(environment, plan, steps):
    network, settings = trained(environment=environment, evaluation={"sets": 1, "episodes": 2, **plan})
    assert module.evaluate(network, settings, torch.device("cpu"))["max_steps"] == steps


def test_an_evaluation_shows_that_time_goes_by(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    network, settings = trained(environment_options={"delay": 6}, evaluation={"sets": 1, "episodes": 3})
    module.evaluate(network, settings, torch.device("cpu"))
    said = capsys.readouterr().err.splitlines()
    assert said[3] == "evaluation: 0/3 episodes  3 being played, step 4"


def test_a_process_without_standard_error_evaluates_all_the_same(monkeypatch):
    network, settings = trained(evaluation={"sets": 1, "episodes": 2})
    monkeypatch.setattr("sys.stderr", None)
    assert len(module.evaluate(network, settings, torch.device("cpu"))["sets"][0]["returns"]) == 2


def test_sets_differ_and_are_reproducible():
    network, settings = trained(evaluation={"sets": 2, "episodes": 40})
    one, two = (module.evaluate(network, settings, torch.device("cpu"))["sets"] for _ in range(2))
    assert one == two
    assert one[0]["seed"] != one[1]["seed"]


def test_actions_are_greedy():
    network, settings = trained(evaluation={"sets": 1, "episodes": 64})
    with torch.no_grad():
        network.policy.weight.zero_()
        network.policy.bias.copy_(torch.tensor([0.0, 1e-3]))  # action 1 always, though nearly as likely as action 0
    returns = module.evaluate(network, settings, torch.device("cpu"))["sets"][0]["returns"]
    env = module.registry.make(
        "tmaze", 64, seed=module.derived_seed(settings.seed, 1, 0), split="test", options={"delay": 3}
    )
    env.reset()
    for _ in range(4):
        _, rewards, *_ = env.step(np.ones(64, dtype=np.int64))
    assert returns == rewards.tolist()


def test_each_set_begins_its_own_part_of_the_test_material(monkeypatch):
    monkeypatch.setattr(module, "MAX_SLOTS", 4)
    network, settings = trained(evaluation={"sets": 3, "episodes": 6})
    parts, reset = [], BatchEnv.reset
    monkeypatch.setattr(BatchEnv, "reset", lambda env, **how: (reset(env, **how), parts.append(env._part))[0])
    module.evaluate(network, settings, torch.device("cpu"))
    assert parts == [0, 0, 1, 1, 2, 2]


class Lives:
    """Slot 0: lives worth 1, 2 and 3 points, of as many steps; slot 1: lives worth 10 points, of one step each."""

    num_envs = 2
    ends = ((1, 3, 6), (1, 2, 3))

    def __init__(self):
        self.now = 0

    def step(self, actions):
        self.now += 1
        ended = np.array([self.now in ends for ends in self.ends])
        over = np.array([self.now == ends[-1] for ends in self.ends])
        rewards = np.array([1, 10 * (self.now <= 3)], np.float32)
        return np.zeros((2, 6), np.float32), rewards, ended, np.zeros(2, bool), {"game_over": over}


def play_lives(network, wanted, max_steps):
    start, shown = np.zeros((2, 6), np.float32), progress.Progress("lives", 2)
    return module._play_round(network, Lives(), start, torch.device("cpu"), wanted, max_steps, shown)


@pytest.mark.parametrize(
    ("max_steps", "lives", "cut"),
    [
        (None, [[1, 2, 3], [10, 10, 10]], 0),
        (5, [[1, 2, 2], [10, 10, 10]], 1),
        (3, [[1, 2], [10, 10, 10]], 1),  # cut between two lives
    ],
)
def test_a_games_return_is_that_of_its_lives_together(max_steps, lives, cut):
    network, _ = trained()
    played = play_lives(network, 2, max_steps)
    assert played.life_returns == lives
    assert played.returns == [sum(each) for each in lives]
    assert (played.lengths, played.cut) == ([max_steps or 6, 3], cut)


def test_the_agent_begins_anew_after_a_lost_life_with_the_last_reward_as_in_training(monkeypatch):
    network, _ = trained()
    seen, act = [], network.act
    monkeypatch.setattr(
        network, "act", lambda o, r, s, state: (seen.append((s[0].item(), r[0].item())), act(o, r, s, state))[1]
    )
    play_lives(network, 1, None)
    assert [start for start, _ in seen] == [True, True, False, True, False, False]
    assert [reward for _, reward in seen] == [0, 1, 1, 1, 1, 1]


def test_episodes_without_lives_have_no_returns_of_lives():
    network, settings = trained(evaluation={"sets": 1, "episodes": 2})
    assert "life_returns" not in module.evaluate(network, settings, torch.device("cpu"))["sets"][0]


def test_a_plan_counts_evaluations_at_their_longest():
    endless = {"environment": "gymnasium:CliffWalking-v1", "environment_options": {}, "env_steps": 100}
    _, settings = trained(**endless, evaluation={"sets": 2, "episodes": 3})
    assert KINDS["reinforcement"].amount(settings) == 100 + 0.5 * (2 + 1) * 3 * 10_000  # one set at random
    _, settings = trained(evaluation={"sets": 2, "episodes": 3})
    assert KINDS["reinforcement"].amount(settings) == 100 + 0.5 * 2 * 3 * 4
