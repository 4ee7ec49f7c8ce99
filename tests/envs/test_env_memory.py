"""The memory tasks: memory solves them, nothing else does, and only the beginning tells the answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rtrl_bench.envs import memory
from rtrl_bench.envs.batch import pack, unpack
from rtrl_bench.envs.memory import DelayedMatch, TMaze
from rtrl_bench.envs.registry import make, validate
from rtrl_bench.errors import ConfigError

ROOT = Path(__file__).parents[2]
TASKS = ("tmaze", "delayed_match")
IDS = {"tmaze": "rtrl_bench/TMaze-v0", "delayed_match": "rtrl_bench/DelayedMatch-v0"}


def _returns(name, policy, episodes, slots=100, **options):
    """Returns of `episodes` episodes of `policy(first observation, current observation) -> actions`."""
    env = make(name, slots, seed=0, split="test", options=options)
    now, _ = env.reset()
    first, total, returns = now, np.zeros(slots), []
    while len(returns) < episodes:
        now, rewards, ended, _, _ = env.step(policy(first, now))
        total += rewards
        returns += total[ended].tolist()
        total[ended] = 0
        first = np.where(ended[:, None], now, first)
    return np.array(returns)


def _remember_the_sign(first, now):
    return (first[:, 0] > 0).astype(int)


def _compare_the_symbols(first, now):
    return (first[:, :-2].argmax(axis=1) == now[:, :-2].argmax(axis=1)).astype(int)


ORACLES = {"tmaze": _remember_the_sign, "delayed_match": _compare_the_symbols}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("options", [{"delay": 1}, {"delay": 20}, {"distraction": 0.0}, {"distraction": 1.0}])
def test_a_policy_that_remembers_the_beginning_always_succeeds(name, options):
    assert (_returns(name, ORACLES[name], 1000, **options) == 1).all()


def test_a_policy_that_remembers_the_beginning_always_succeeds_with_many_symbols():
    assert (_returns("delayed_match", _compare_the_symbols, 1000, symbols=7) == 1).all()


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("policy", ["random", "always 0", "always 1", "the present observation"])
def test_a_policy_without_memory_succeeds_half_of_the_time(name, policy):
    random = np.random.default_rng(0)
    policies = {
        "random": lambda first, now: random.integers(0, 2, len(now)),
        "always 0": lambda first, now: np.zeros(len(now), int),
        "always 1": lambda first, now: np.ones(len(now), int),
        "the present observation": lambda first, now: ORACLES[name](now, now * [1, *[0.5] * (now.shape[1] - 1)]),
    }
    success = _returns(name, policies[policy], 20_000).mean()
    assert abs(success - 0.5) < 4 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize("name", TASKS)
def test_after_the_first_step_nothing_that_is_seen_depends_on_the_answer(name):
    env, other = (make(name, 64, seed=1, split="test") for _ in range(2))
    env.reset()
    header, arrays = unpack(env.get_state())
    arrays["answer"] = 1 - arrays["answer"]
    if name == "delayed_match":  # the same probe, after the other sample
        arrays["sample"] = 1 - arrays["sample"]
    other.set_state(pack(header, arrays))
    for _ in range(10):
        seen, rewards, *_ = env.step(np.zeros(64, int))
        also, _, *_ = other.step(np.zeros(64, int))
        assert np.array_equal(seen, also)
        assert not rewards.any()
    assert np.array_equal(env.step(np.zeros(64, int))[1], 1 - other.step(np.zeros(64, int))[1])


@pytest.mark.parametrize("name", TASKS)
def test_actions_before_the_last_step_change_nothing(name):
    one, two = (make(name, 8, seed=1, split="test") for _ in range(2))
    one.reset()
    two.reset()
    random = np.random.default_rng(0)
    for _ in range(10):
        left, right = one.step(random.integers(0, 2, 8)), two.step(random.integers(0, 2, 8))
        assert all(np.array_equal(x, y) for x, y in zip(left[:4], right[:4]))


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("delay", [1, 7])
def test_an_episode_is_one_step_longer_than_the_delay_and_the_next_begins_at_once(name, delay):
    env = make(name, 4, seed=0, split="test", options={"delay": delay})
    flag = {"tmaze": 1, "delayed_match": -2}[name]
    observations, _ = env.reset()
    for step in range(3 * (delay + 1)):
        assert (observations[:, flag] == (step % (delay + 1) == 0)).all()
        observations, _, ended, truncated, _ = env.step(np.zeros(4, int))
        assert (ended == (step % (delay + 1) == delay)).all()
        assert not truncated.any()


@pytest.mark.parametrize("name", TASKS)
def test_training_slots_are_spread_over_the_phases_of_an_episode(name):
    env = make(name, 22, seed=0, split="train")
    env.reset()
    ends = [int(env.step(np.zeros(22, int))[2].sum()) for _ in range(22)]
    assert ends == [2] * 22


def test_distractors_come_as_often_as_asked():
    for rate in (0.0, 0.3, 1.0):
        env = TMaze(2000, delay=3, distraction=rate, seed=0)
        env.reset()
        signs = env.step(np.zeros(2000, int))[0][:, 0]
        assert abs((signs != 0).mean() - rate) < 0.05
        assert abs(signs.mean()) < 0.05


def test_the_probe_is_any_other_symbol_equally_often():
    env = DelayedMatch(8000, delay=1, symbols=5, seed=0)
    sample = env.reset()[0][:, :5].argmax(axis=1)
    probe = env.step(np.zeros(8000, int))[0][:, :5].argmax(axis=1)
    counts = np.bincount((probe - sample) % 5, minlength=5) / 8000
    assert np.allclose(counts, [0.5, *[0.125] * 4], atol=0.02)


@pytest.mark.parametrize("name", TASKS)
def test_the_single_environment_passes_gymnasiums_own_check(name, recwarn):
    check_env(gymnasium.make(IDS[name]).unwrapped, skip_render_check=True)
    assert not [w for w in recwarn if "infinity" not in str(w.message)]


@pytest.mark.parametrize("name", TASKS)
def test_the_single_environment_is_a_batch_of_one(name):
    single = gymnasium.make(IDS[name], delay=3)
    batch = gymnasium.make_vec(IDS[name], num_envs=1, vectorization_mode="vector_entry_point", delay=3)
    assert np.array_equal(single.reset(seed=4)[0], batch.reset(seed=4)[0][0])
    for action in (0, 1, 1):
        seen, reward, terminated, _, _ = single.step(action)
        also, rewards, ended, _, _ = batch.step(np.array([action]))
        assert np.array_equal(seen, also[0])
        assert (reward, terminated) == (rewards[0], ended[0]) == (0, False)
    assert single.step(0)[1:3] == (batch.step(np.array([0]))[1][0], True)


@pytest.mark.parametrize("name", TASKS)
def test_make_vec_gives_a_batch_with_same_step_autoreset(name):
    env = gymnasium.make_vec(IDS[name], num_envs=5)
    assert env.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.SAME_STEP
    assert env.reset(seed=0)[0].shape == (5, *env.single_observation_space.shape)


@pytest.mark.parametrize("first", ["import rtrl_bench.envs", "import rtrl_bench.envs.memory", ""])
@pytest.mark.parametrize("name", TASKS)
def test_gymnasium_makes_the_tasks_by_id(name, first):
    identifier = IDS[name] if first else f"rtrl_bench.envs:{IDS[name]}"
    code = f"{first}\nimport gymnasium\nprint(gymnasium.make({identifier!r}).spec.id)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == (f"{IDS[name]}\n", "")


def test_importing_the_package_of_environments_imports_none():
    code = "import sys, rtrl_bench.envs; print([m for m in sys.modules if m.startswith('rtrl_bench.envs.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("name", TASKS)
def test_a_state_outlives_a_release_of_this_package(name, monkeypatch):
    before = make(name, 4, seed=0)
    before.reset()
    state = before.get_state()
    monkeypatch.setattr(memory, "BACKEND", "rtrl_bench 9.9.9")
    after = make(name, 4, seed=1)
    assert after.backend == "rtrl_bench 9.9.9"
    after.set_state(state)
    assert np.array_equal(before.step(np.zeros(4, int))[0], after.step(np.zeros(4, int))[0])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tmaze", {"delay": 0}, r"option delay = 0 of environment tmaze: expected a number in 1\.\.10000"),
        ("tmaze", {"delay": 2.5}, r"option delay = 2.5 .* expected an integer"),
        ("tmaze", {"noise": -0.1}, r"noise = -0.1"),
        ("delayed_match", {"symbols": 1}, r"symbols = 1 .* expected a number in 2\.\."),
        ("delayed_match", {"distraction": 1.5}, r"distraction = 1.5"),
        ("tmaze", {"distraction": float("nan")}, r"distraction = nan"),
        ("tmaze", {"dealy": 3}, r"unknown option 'dealy' .* did you mean delay"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        validate(name, options)


MISTAKES = [
    ("tmaze", {"delay": -5}, "option delay = -5 of environment tmaze: expected a number in 1..10000"),
    ("tmaze", {"delay": 2.5}, "option delay = 2.5 of environment tmaze: expected an integer"),
    ("tmaze", {"delay": True}, "option delay = True of environment tmaze: expected an integer"),
    ("tmaze", {"noise": float("nan")}, "option noise = nan of environment tmaze: expected a number in 0..10"),
    ("tmaze", {"noise": "x"}, "option noise = 'x' of environment tmaze: expected a number"),
    ("delayed_match", {"symbols": 1}, "option symbols = 1 of environment delayed_match: expected a number in 2..100"),
    ("delayed_match", {"distraction": 2}, "option distraction = 2.0 of .*: expected a number in 0..1"),
]


@pytest.mark.parametrize(("name", "options", "message"), MISTAKES)
def test_bad_options_are_refused_alike_by_every_way_to_a_task(name, options, message):
    task = {"tmaze": TMaze, "delayed_match": DelayedMatch}[name]
    ways = (
        lambda: task(2, **options),
        lambda: make(name, 2, seed=0, options=options),
        lambda: gymnasium.make(IDS[name], **options),
        lambda: gymnasium.make_vec(IDS[name], num_envs=2, vectorization_mode="vector_entry_point", **options),
    )
    for way in ways:
        with pytest.raises(ValueError, match=message):
            way()


@pytest.mark.parametrize("option", ["symbols", "num_envs"])
def test_an_option_that_a_task_does_not_have_is_refused_with_those_that_it_has(option):
    message = f"unknown option '{option}' of environment tmaze: expected one of delay, distraction, noise"
    with pytest.raises(ValueError, match=message):
        gymnasium.make(IDS["tmaze"], **{option: 3})


@pytest.mark.parametrize(("key", "value"), [("seed", -1), ("seed", True), ("split", "x"), ("num_envs", 0)])
def test_a_batch_made_by_hand_checks_its_numbers(key, value):
    with pytest.raises(ValueError, match=f"{key} = {value!r} of tmaze: expected"):
        TMaze(**{"num_envs": 2, key: value})


@pytest.mark.parametrize("delay", [np.int64(3), 3.0])
def test_whole_numbers_of_other_types_are_integers(delay):
    assert TMaze(delay=delay).delay == 3
    assert validate("tmaze", {"delay": delay}).options["delay"] == 3
