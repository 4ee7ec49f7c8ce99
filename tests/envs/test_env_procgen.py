"""ProcGen: levels of the splits, where rewards land, and that nothing bad reaches the library."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from marks import needs_procgen

from rtrl_bench.envs import procgen
from rtrl_bench.envs.registry import check_available, make, validate
from rtrl_bench.errors import ConfigError, EnvironmentUnavailable, UnknownName


def _levels(env):
    return np.array([info["level_seed"] for info in env._simulator.get_info()])


@needs_procgen
def test_training_plays_the_levels_below_500():
    env = make("chaser", 64, seed=0)
    env.reset(options={"part": 1})  # of the test alone
    levels = _levels(env)
    assert levels.min() < 50
    assert 450 < levels.max() < 500
    env.close()


@needs_procgen
def test_each_set_of_the_evaluation_has_its_two_hundred_levels_from_1000_on():
    env = make("chaser", 64, seed=0, split="test")
    for part, first in enumerate((1000, 1200, 1400)):
        env.reset(seed=7, options={"part": part})
        seen = [_levels(env)]
        env.reset()  # of the same part
        seen.append(_levels(env))
        for levels in seen:
            assert first <= levels.min() < first + 20
            assert first + 180 < levels.max() < first + 200
    env.close()


@needs_procgen
def test_a_restored_state_goes_on_with_its_part_of_the_test():
    env, other = (make("chaser", 64, seed=0, split="test") for _ in range(2))
    env.reset(options={"part": 2})
    other.set_state(env.get_state())
    other.reset()
    assert 1400 <= _levels(other).min() <= _levels(other).max() < 1600
    env.close()
    other.close()


@needs_procgen
def test_without_a_number_of_test_levels_the_test_has_all_from_its_first_on():
    env = make("chaser", 64, seed=0, split="test", options={"test_levels": 0, "test_start_level": 500})
    env.reset(options={"part": 2})
    assert _levels(env).min() >= 500
    assert _levels(env).max() > 10**9
    env.close()


@needs_procgen
def test_with_all_levels_the_test_has_them_all_too():
    env = make("chaser", 64, seed=0, split="test", options={"num_levels": 0})
    env.reset()
    assert _levels(env).max() > 10**9
    env.close()


@needs_procgen
def test_the_reward_for_the_goal_comes_with_the_end_of_its_own_episode():
    env = make("procgen:maze", 32, seed=0, options={"distribution_mode": "easy"})
    env.reset()
    random = np.random.default_rng(0)
    goals = 0
    for _ in range(400):
        level = _levels(env)
        _, rewards, terminated, _, _ = env.step(random.integers(0, 15, 32))
        assert terminated[rewards != 0].all()  # a maze pays at its exit alone, and ends there
        assert np.array_equal(level[~terminated], _levels(env)[~terminated])
        goals += int((rewards == 10).sum())
    assert goals > 5
    env.close()


@needs_procgen
def test_observations_are_the_simulators_images_with_channels_first():
    env = make("chaser", 2, seed=0)
    observations, _ = env.reset()
    _, images, _ = env._simulator.observe()
    assert np.array_equal(observations[1, 2], images["rgb"][1, :, :, 2])
    env.close()


@needs_procgen
def test_memory_mode_shows_a_part_of_the_maze_that_moves_with_the_player():
    changed = {}
    for mode in ("hard", "memory"):
        env = make("procgen:maze", 8, seed=0, options={"distribution_mode": mode})
        frames = [env.reset()[0], *(env.step(np.full(8, k % 9))[0] for k in range(30))]
        changed[mode] = np.mean([before != after for before, after in pairwise(frames)])
        env.close()
    assert changed["hard"] < 0.01  # the whole maze is in view: only the player moves
    assert changed["memory"] > 0.05


@needs_procgen
@pytest.mark.parametrize("mode", sorted(procgen.MODES))
def test_every_game_of_a_mode_runs_in_it(mode):
    for game in procgen.MODES[mode]:
        env = make(f"procgen:{game}", 1, seed=0, options={"distribution_mode": mode})
        env.reset()
        env.step(np.zeros(1, int))
        env.close()


@needs_procgen
def test_the_notice_that_gym_is_unmaintained_is_silenced():
    code = "from rtrl_bench.envs.procgen import simulator_class; simulator_class()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("game", "options", "message"),
    [
        (
            "chaser",
            {"distribution_mode": "memory"},
            r"distribution_mode = 'memory'.*expected one of easy, hard, extreme",
        ),
        ("procgen:maze", {"distribution_mode": "extreme"}, r"expected one of easy, hard, memory"),
        ("chaser", {"distribution_mode": "nightmare"}, r"distribution_mode = 'nightmare'"),
        ("chaser", {"num_levels": -1}, r"num_levels = -1.*expected an integer in 0\.\."),
        ("chaser", {"start_level": 2**31}, r"start_level = 2147483648"),
        ("chaser", {"start_level": 2**31 - 2}, r"expected at most .* so that levels are left for the test"),
        (
            "chaser",
            {"num_levels": 2000},
            r"test_start_level = 1000.*at least start_level \+ num_levels = 2000, so that no",
        ),
        ("chaser", {"test_levels": 10**7}, r"test_levels = 10000000.*expected an integer in 0\.\.1000000"),
        ("chaser", {"test_start_level": -1}, r"test_start_level = -1.*expected an integer in 0\.\.1000000000"),
        ("chaser", {"start_level": 5, "num_levels": 0}, r"has no effect with num_levels = 0"),
        ("chaser", {"num_levels": "500"}, r"num_levels = '500'.*expected an integer"),
    ],
)
def test_what_would_end_the_process_is_refused_before_the_library_sees_it(game, options, message):
    with pytest.raises(ConfigError, match=message):
        validate(game, options)


def test_an_unknown_game_is_refused_with_the_closest():
    with pytest.raises(UnknownName, match="did you mean procgen:coinrun"):
        validate("procgen:coinrunner")


def test_missing_system_libraries_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(procgen, "LIBRARIES", ("libnot-there.so.1",))
    monkeypatch.setattr(sys, "platform", "linux")
    available = check_available("chaser")
    assert not available.ok
    assert "libnot-there.so.1" in available.reason
    assert "apt-get install libgl1 libglib2.0-0" in available.fix
    with pytest.raises(EnvironmentUnavailable, match=r"libnot-there\.so\.1.*apt-get install"):
        make("chaser", 1, seed=0)
