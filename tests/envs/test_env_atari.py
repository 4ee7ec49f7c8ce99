"""Atari: lost lives, scores, starts, limits; the simulator's other modes serve as oracles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode

from rtrl_bench.envs.atari import rom_names
from rtrl_bench.envs.registry import make, spec, validate
from rtrl_bench.errors import ConfigError, UnknownName

SLOTS = 3


def _random_actions(env, steps):
    return np.random.default_rng(0).integers(0, env.single_action_space.n, (steps, env.num_envs))


@pytest.fixture(scope="module")
def breakout():
    """400 random steps of Breakout under both splits, and of the simulator with its own report of lost lives."""
    played = {}
    for split in ("train", "test"):
        env = make("breakout", SLOTS, seed=1, split=split)
        env._fire = None  # the oracle presses none
        seeds = []
        reset = env._simulator.reset
        env._simulator.reset = lambda seed, reset=reset, seeds=seeds: (seeds.append(seed), reset(seed=seed))[1]
        _, infos = env.reset()
        played[split] = [(None, None, None, None, infos), *(env.step(a) for a in _random_actions(env, 400))]
        played[f"{split} seeds"] = seeds[0]
        env.close()
    oracle = AtariVectorEnv(
        "breakout",
        SLOTS,
        noop_max=31,
        life_loss_info=True,
        reward_clipping=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    _, infos = oracle.reset(seed=played["train seeds"])
    actions = np.random.default_rng(0).integers(0, 4, (400, SLOTS))
    played["oracle"] = [(None, None, None, None, infos), *(oracle.step(a) for a in actions)]
    return played


def test_training_episodes_end_where_the_simulator_reports_a_lost_life_or_the_end(breakout):
    ours = np.array([step[2] for step in breakout["train"][1:]])
    assert np.array_equal(ours, [step[2] for step in breakout["oracle"][1:]])
    assert ours.sum() > 2 * SLOTS


def test_game_over_is_where_the_simulator_started_another_game(breakout):
    def game(step):  # frames before this game: a number of the game
        return step[4]["frame_number"] - step[4]["episode_frame_number"]

    steps = breakout["oracle"]
    restarted = np.array([game(after) != game(before) for before, after in pairwise(steps)])
    assert np.array_equal([step[4]["game_over"] for step in breakout["train"][1:]], restarted)
    assert restarted.sum() >= SLOTS


def test_the_game_goes_on_after_a_lost_life(breakout):
    steps = breakout["train"]
    lost = 0
    for before, after in pairwise(steps):
        for slot in np.flatnonzero(after[2] & ~after[4]["game_over"]):
            lost += 1
            assert after[4]["lives"][slot] == before[4]["lives"][slot] - 1
            assert after[0][slot].reshape(4, -1).any(axis=1).all()  # the stack of frames goes on as well
    assert lost > SLOTS


def test_a_new_game_begins_in_the_step_in_which_the_old_one_ended(breakout):
    over = [(step, slot) for step in breakout["test"][1:] for slot in np.flatnonzero(step[4]["game_over"])]
    assert over
    for step, slot in over:
        assert step[4]["lives"][slot] == 5
        assert list(step[0][slot].reshape(4, -1).any(axis=1)) == [False, False, False, True]


def test_full_games_last_to_the_end_of_the_last_life(breakout):
    for before, after in pairwise(breakout["test"]):
        assert (before[4]["lives"][after[4]["game_over"]] == 1).all()


def test_the_evaluations_episodes_end_where_trainings_do(breakout):
    ended = np.array([step[2] for step in breakout["test"][1:]])
    lives = np.array([step[4]["lives"] for step in breakout["test"]])
    assert np.array_equal(ended, lives[1:] != lives[:-1])
    assert ended.sum() > 2 * SLOTS


def test_a_game_goes_on_though_the_player_never_serves():
    env = make("breakout", 2, seed=0, split="test")
    env.reset()
    steps = [env.step(np.zeros(2, int)) for _ in range(200)]
    assert np.array([step[4]["game_over"] for step in steps]).any(axis=0).all()
    env.close()


@pytest.mark.parametrize(("game", "fire"), [("breakout", 1), ("mspacman", None)])
def test_the_first_action_after_a_lost_life_is_fire_where_the_game_has_it(game, fire):
    env = make(game, SLOTS, seed=0)
    env.reset()
    asked, step = [], env._simulator.step
    env._simulator.step = lambda actions: (asked.append(actions.copy()), step(actions))[1]
    done = [env.step(np.full(SLOTS, 2)) for _ in range(300)]
    env.close()
    fell = np.array([step[2] & ~step[4]["game_over"] for step in done])[:-1]
    assert fell.any()
    assert set(np.array(asked)[1:][fell]) == {2 if fire is None else fire}
    assert set(np.array(asked)[1:][~fell]) == {2}


def test_lives_that_show_zero_before_the_end_do_not_end_the_episode():
    class Steps:
        """A game that shows 1 life, then 0 for a step, and only then ends."""

        def __init__(self):
            self.steps = [([0], False), ([0], False), ([4], True)]

        def step(self, actions):
            lives, ended = self.steps.pop(0)
            flags = (np.array([ended]), np.zeros(1, bool))
            return np.zeros((1, 4, 84, 84), np.uint8), np.zeros(1, np.int32), *flags, {"lives": np.array(lives)}

    env = make("qbert", 1, seed=0)
    env.reset()
    env._lives = np.array([1])
    env._simulator = Steps()
    assert [bool(env.step(np.zeros(1, int))[2][0]) for _ in range(3)] == [False, False, True]


def test_rewards_are_the_games_points():
    env = make("mspacman", 1, seed=0)
    env.reset()
    rewards = {float(env.step(a)[1][0]) for a in _random_actions(env, 200)}  # the first seconds are a jingle
    assert 10.0 in rewards  # a pellet
    env.close()


def test_action_counts_are_those_of_the_games_minimal_action_sets():
    counts = {}
    for name in ("breakout", "gravitar", "mspacman", "qbert", "seaquest"):
        env = make(name, 1, seed=0)
        counts[name] = int(env.single_action_space.n)
        env.close()
    assert counts == {"breakout": 4, "gravitar": 18, "mspacman": 9, "qbert": 6, "seaquest": 18}


def test_games_start_after_up_to_thirty_frames_without_the_player():
    env = make("qbert", 10, seed=0)
    starts = []
    reset = env._simulator.reset
    env._simulator.reset = lambda seed: (starts.append(reset(seed=seed)), starts[0])[1]
    env.reset()
    frames = starts[0][1]["episode_frame_number"]
    assert frames.min() >= 1
    assert 20 < frames.max() <= 30
    env.close()


def test_slots_of_neighbouring_seeds_and_of_the_splits_share_no_game_seed():
    seen = []
    for split in ("train", "test"):
        env = make("breakout", 8, seed=0, split=split)
        empty = (np.zeros((8, 4, 84, 84), np.uint8), {"lives": np.zeros(8, np.int32)})
        env._simulator.reset = lambda seed, empty=empty: (seen.extend(seed.tolist()), empty)[1]
        for seed in range(20):
            env.reset(seed=seed)
        env.close()
    assert len(seen) == len(set(seen)) == 2 * 20 * 8
    assert min(seen) >= 0


def test_an_episode_is_truncated_at_the_limit_of_frames():
    env = make("breakout", 1, seed=0, split="test", options={"max_frames": 400})
    env.reset()
    steps = [env.step(np.zeros(1, int)) for _ in range(100)]
    ends = [(bool(s[3][0]), bool(s[4]["game_over"][0])) for s in steps]
    assert ends == [(False, False)] * 99 + [(True, True)]
    assert not steps[-1][2].any()  # truncated, not terminated
    env.close()


def test_a_whole_game_is_limited_to_half_an_hour_of_play():
    assert spec("breakout").episode_limit * spec("breakout").frames_per_step == 30 * 60 * 60


def test_every_rom_is_found_by_its_name():
    assert len(rom_names()) > 100
    assert spec("atari:pong").target == "pong"


def test_an_unknown_rom_is_refused_with_the_closest():
    with pytest.raises(
        UnknownName, match=r"atari:seaquests.*one of ale-py.s \d+ ROM names; did you mean atari:seaquest"
    ):
        spec("atari:seaquests")


def test_a_limit_of_no_frames_is_refused():
    for frames in (0, 99_999_999_999):
        with pytest.raises(ConfigError, match=rf"max_frames = {frames}.*expected an integer in 4\.\.2147483647"):
            validate("breakout", {"max_frames": frames})
    env = make("breakout", 1, seed=0, options={"max_frames": 2**31 - 1})
    env.reset()
    assert not env.step(np.zeros(1, int))[3].any()
