"""What every environment promises, tried on every registered one that can run and on some that are found by family."""

from __future__ import annotations

import os

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from marks import needs_procgen

from rtrl_bench.envs.batch import BatchEnv, Request
from rtrl_bench.envs.registry import ENVIRONMENTS, make, spec
from rtrl_bench.errors import EnvironmentFailed

SLOTS = 2
MORE = {
    "procgen:maze": {"distribution_mode": "memory"},
    "atari:pong": {},
    "gymnasium:CartPole-v1": {},
    "gymnasium:FrozenLake-v1": {},
}
CASES = {name: {} for name in ENVIRONMENTS} | MORE


def _params(names):
    return [pytest.param(n, marks=[needs_procgen] if spec(n).suite == "procgen" else []) for n in names]


def _make(name, seed=3, slots=SLOTS, **more):
    backend = "rooms" if spec(name).suite == "dmlab" else "auto"  # the real simulator has files of its own
    return make(name, slots, seed=seed, options=CASES[name], backend=backend, **more)


@pytest.fixture(scope="module", params=_params(CASES))
def env(request):
    made = _make(request.param)
    made.reset()
    yield made
    made.close()


@pytest.fixture(params=_params(name for name in CASES if spec(name).suite not in ("atari", "gymnasium")))
def restorable(request):
    return request.param


def _actions(env, steps, seed=0):
    return np.random.default_rng(seed).integers(0, env.single_action_space.n, (steps, env.num_envs))


def _play(env, actions):
    return [env.step(a)[:4] for a in actions]


def _equal(played, again):
    return all(np.array_equal(x, y) for one, two in zip(played, again) for x, y in zip(one, two))


def test_spaces_are_a_box_of_images_or_vectors_and_discrete_actions(env):
    space = env.single_observation_space
    assert (space.dtype, len(space.shape)) in ((np.uint8, 3), (np.float32, 1))
    assert isinstance(env.single_action_space, gymnasium.spaces.Discrete)
    assert env.single_action_space.start == 0
    assert env.observation_space.shape == (SLOTS, *space.shape)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP


def test_a_step_returns_arrays_of_the_promised_shapes_and_types(env):
    observations, rewards, terminated, truncated, infos = env.step(np.zeros(SLOTS, np.int64))
    assert observations.shape == (SLOTS, *env.single_observation_space.shape)
    assert observations.dtype == env.single_observation_space.dtype
    assert env.single_observation_space.contains(np.ascontiguousarray(observations[0]))
    assert (rewards.shape, rewards.dtype) == ((SLOTS,), np.float32)
    for flags in (terminated, truncated, infos.get("game_over", terminated)):
        assert (flags.shape, flags.dtype) == ((SLOTS,), np.bool_)


def _with_flags(flags, what):
    """A batch of two whose simulator returns `flags` as `what`."""
    env = make("tmaze", SLOTS, seed=0)
    env.reset()
    simulate = env._step

    def step(actions):
        observations, rewards, terminated, truncated, infos = simulate(actions)
        found = {"terminated": terminated, "truncated": truncated, **infos, what: flags}
        more = {key: value for key, value in found.items() if key not in ("terminated", "truncated")}
        return observations, rewards, found["terminated"], found["truncated"], more

    env._step = step
    return env


@pytest.mark.parametrize("what", ["terminated", "truncated", "game_over"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_flags_that_a_simulator_returns_as_integers_become_bool(what, dtype):
    *_, terminated, truncated, infos = _with_flags(np.array([0, 1], dtype), what).step(np.zeros(SLOTS, int))
    flags = {"terminated": terminated, "truncated": truncated, **infos}[what]
    assert flags.dtype == np.bool_
    assert flags.tolist() == [False, True]


@pytest.mark.parametrize("what", ["terminated", "truncated", "game_over"])
@pytest.mark.parametrize(
    "flags", [np.array([0, 2]), np.array([0.0, np.nan]), np.zeros(3, bool), np.array(True)], ids=str
)
def test_flags_that_are_neither_true_nor_false_end_the_batch(what, flags):
    with pytest.raises(EnvironmentFailed, match=f"tmaze returned {what} .*, expected bool \\(2,\\)"):
        _with_flags(flags, what).step(np.zeros(SLOTS, int))


def test_returned_arrays_are_not_overwritten_by_later_steps(env):
    kept = env.step(np.zeros(SLOTS, np.int64))[:4]
    before = [array.copy() for array in kept]
    _play(env, _actions(env, 20))
    assert all(np.array_equal(array, copy) for array, copy in zip(kept, before))


def test_every_simulator_is_stepped_by_what_refuses_wrong_actions(env):
    assert type(env).step is BatchEnv.step


@pytest.fixture(scope="module")
def waiting():
    """A batch of any kind: what is refused never reaches its simulator."""
    made = _make("tmaze")
    made.reset()
    return made


@pytest.mark.parametrize("action", [-1, "n"])
def test_actions_out_of_range_are_refused_with_the_slot(waiting, action):
    bad = int(waiting.single_action_space.n) if action == "n" else action
    with pytest.raises(ValueError, match=f"action {bad} in slot 1 of tmaze"):
        waiting.step(np.array([0, bad]))


@pytest.mark.parametrize("actions", [np.zeros(SLOTS), np.zeros(SLOTS + 1, int), np.zeros((SLOTS, 1), int)])
def test_actions_of_wrong_type_or_shape_are_refused(waiting, actions):
    with pytest.raises(ValueError, match="expected integers of shape"):
        waiting.step(actions)


def test_same_seed_and_actions_give_the_same_bytes_in_a_fresh_batch(env):
    actions = _actions(env, 60)
    first, _ = env.reset(seed=11)
    played = _play(env, actions)
    other = _make(env.spec_name, seed=11, threads=2)
    again, _ = other.reset()
    assert np.array_equal(first, again)
    assert _equal(played, _play(other, actions))
    other.close()


def test_restored_state_continues_exactly_in_a_batch_of_another_seed(restorable):
    env, other = _make(restorable, seed=1, slots=4), _make(restorable, seed=2, slots=4)
    assert env.can_restore
    env.reset()
    _play(env, _actions(env, 37))
    other.reset()
    _play(other, _actions(other, 5))
    other.set_state(env.get_state())
    actions = _actions(env, 1100, seed=1)  # beyond the time limit of every case: episodes end on the way
    assert _equal(_play(env, actions), _play(other, actions))
    assert np.array_equal(env.reset()[0], other.reset()[0])
    env.close()
    other.close()


def test_taking_the_state_changes_nothing(restorable):
    env, other = _make(restorable), _make(restorable)
    env.reset()
    other.reset()
    actions = _actions(env, 30)
    env.get_state()
    assert _equal(_play(env, actions), _play(other, actions))
    env.close()
    other.close()


def test_a_damaged_state_is_refused(restorable):
    env = _make(restorable)
    env.reset()
    state = bytearray(env.get_state())
    state[len(state) // 2] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        env.set_state(bytes(state))
    env.close()


def test_a_state_of_other_rules_is_refused(restorable):
    env, other = _make(restorable), _make(restorable, split="test")
    env.reset()
    with pytest.raises(ValueError, match="state of another environment: rules"):
        other.set_state(env.get_state())
    env.close()
    other.close()


@pytest.mark.parametrize("name", ["breakout", "gymnasium:CartPole-v1"])
def test_a_simulator_that_cannot_save_its_state_says_so(name):
    env = make(name, 1, seed=0)
    assert not env.can_restore
    with pytest.raises(RuntimeError, match="cannot save the state"):
        env.get_state()
    env.close()


@pytest.mark.parametrize("name", _params(["tmaze", "breakout", "chaser", "gymnasium:CartPole-v1"]))
def test_closing_twice_is_allowed_and_stepping_after_it_is_not(name):
    env = make(name, 1, seed=0)
    env.close()
    env.close()
    with pytest.raises(gymnasium.error.ClosedEnvironmentError, match=f"{name} was closed"):
        env.step(np.zeros(1, int))


def test_stepping_before_the_first_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded, match="tmaze"):
        make("tmaze", 1, seed=0).step(np.zeros(1, int))


def test_a_batch_from_before_a_fork_is_refused_instead_of_hanging(monkeypatch):
    env = make("tmaze", 1, seed=0)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="made before a fork"):
        env.reset()


def test_successive_resets_without_a_seed_are_new_episodes_and_repeat_under_the_same_seed():
    one, two = make("tmaze", 50, seed=5), make("tmaze", 50, seed=5)
    first = [one.reset()[0] for _ in range(2)]
    assert not np.array_equal(*first)
    assert np.array_equal(first, [two.reset()[0] for _ in range(2)])


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (gymnasium.spaces.Box(0, 1, (3, 8, 8), np.uint8), "expected images in 0..255; scale them by their bounds"),
        (gymnasium.spaces.Box(0, 1, (3, 8, 8), np.float32), r"expected uint8 \(C, H, W\) or float32 \(D,\)"),
        (gymnasium.spaces.Box(0, 255, (8,), np.uint8), r"expected uint8 \(C, H, W\) or float32 \(D,\)"),
    ],
)
def test_observations_that_no_stem_reads_as_they_are_meant_are_refused(space, message):
    with pytest.raises(ValueError, match=f"of mine: {message}"):
        BatchEnv("mine", "mine 1", Request(1, 0, "train", {}), space, 2)


def test_atari_keeps_the_last_observation_of_a_game_that_its_time_limit_cuts():
    env = make("breakout", 2, seed=0, options={"max_frames": 200})
    before, _ = env.reset()
    for _ in range(60):
        observations, _, _, truncated, infos = env.step(np.zeros(2, int))
        assert ("final_observations" in infos) == truncated.any()
        if truncated.any():
            last = infos["final_observations"][truncated]
            assert np.array_equal(last[:, :3], before[truncated][:, 1:])  # the frames go on from those before
            assert not np.array_equal(last, observations[truncated])
            break
        before = observations
    assert truncated.any()
    env.close()


@pytest.mark.parametrize("part", [-3, 1.0, True, "1", None])
def test_a_part_of_the_test_that_is_no_number_from_zero_on_is_refused(part):
    env = make("tmaze", 1, seed=0, split="test")
    with pytest.raises(ValueError, match=r"part = .* of tmaze: expected an integer >= 0"):
        env.reset(options={"part": part})
