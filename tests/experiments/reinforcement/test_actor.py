"""Acting: what of one step stands beside the next, also where an episode ends in between."""

from __future__ import annotations

import torch
from small_runs import config

from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.experiments.reinforcement.loop import Training


def test_the_last_reward_is_that_of_the_step_before_across_episodes_and_segments():
    base = {"environment": "tmaze", "environment_options": {"delay": 1}, "env_steps": 1000, "vision": "flat"}
    training = Training(from_dict({**base, "hidden": 8, "batch": 4, "unroll": 10, "threads": 1}), torch.device("cpu"))
    first = training.actor.act(training.carry.state, 1)
    second = training.actor.act(first.state, 2).segment
    first = first.segment
    assert torch.equal(first.last_rewards, torch.cat([torch.zeros(1, 4), first.rewards[:-1]]))
    assert torch.equal(first.starts[1:], first.ends[:-1])
    assert torch.equal(first.next_last_reward, first.rewards[-1])
    assert torch.equal(second.last_rewards[0], first.rewards[-1])
    assert torch.equal(second.starts[0], first.ends[-1])
    assert first.last_rewards[first.starts].max() == 1  # a right answer, at the first step of the next episode
    training.close()


def test_images_reach_the_learner_as_the_simulator_lays_them_out_colours_side_by_side():
    watched = config(environment="rooms_watermaze", environment_options={}, vision="nature", features=8, batch=2)
    training = Training(watched, torch.device("cpu"))
    images = training.actor.act(training.carry.state, 1).segment.observations.flatten(0, 1)
    assert images.is_contiguous(memory_format=torch.channels_last)
    training.close()
