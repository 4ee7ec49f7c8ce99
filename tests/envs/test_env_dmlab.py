"""DeepMind Lab behind the interface of all environments: what reaches the simulator and what comes back."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from dmlab_simulators import PLACE, calls, lab
from test_env_contract import (  # noqa: F401 (they run here too, on this file's `env`)
    test_a_step_returns_arrays_of_the_promised_shapes_and_types,
    test_every_simulator_is_stepped_by_what_refuses_wrong_actions,
    test_returned_arrays_are_not_overwritten_by_later_steps,
    test_spaces_are_a_box_of_images_or_vectors_and_discrete_actions,
)

from rtrl_bench.envs.batch import Request
from rtrl_bench.envs.registry import check_available, make, spec
from rtrl_bench.errors import EnvironmentUnavailable

LEVEL = "rooms_watermaze"
FORWARD, STEPS = 0, 12
# The paper's actions: look left/right, look up/down, strafe, forward, fire, jump, crouch.
ACTIONS = [
    [0, 0, 0, 1, 0, 0, 0],
    [0, 0, 0, -1, 0, 0, 0],
    [0, 0, -1, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, 0],
    [-20, 0, 0, 0, 0, 0, 0],
    [20, 0, 0, 0, 0, 0, 0],
    [-20, 0, 0, 1, 0, 0, 0],
    [20, 0, 0, 1, 0, 0, 0],
    [0, 0, 0, 0, 1, 0, 0],
]


def _lab(slots=1, seed=3, split="train"):
    return make(LEVEL, slots, seed=seed, split=split, backend="deepmind_lab")


def _play(env, actions):
    """Observations, rewards, terminated, truncated: arrays (steps, slots, ...)."""
    return [np.array(each) for each in zip(*(env.step(action)[:4] for action in actions))]


@pytest.fixture(scope="module")
def env(simulator_of_module):
    made = _lab(2)
    made.reset()
    yield made
    made.close()


def _record(folder, slots, seed, split):
    """What a batch of stand-ins shows and what it is asked for; the last slot goes forward all the time."""
    actions = np.random.default_rng(1).integers(0, 9, (STEPS, slots))
    actions[:9, 0] = range(9)
    actions[:, -1] = FORWARD
    with lab("stand-in", folder):
        env = _lab(slots, seed, split)
        first = env.reset()[0]
        observations, rewards, terminated, truncated = _play(env, actions)
        env.close()
    images = np.concatenate([first[None], observations])
    asked = {name: calls(folder, name) for name in ("Lab", "reset", "step")}
    return SimpleNamespace(
        actions=actions, images=images, rewards=rewards, terminated=terminated, truncated=truncated, **asked
    )


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    return _record(tmp_path_factory.mktemp("training"), slots=2, seed=3, split="train")


@pytest.fixture(scope="module")
def testing(tmp_path_factory):
    return _record(tmp_path_factory.mktemp("testing"), slots=1, seed=3, split="test")


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory):
    return _record(tmp_path_factory.mktemp("other_seed"), slots=1, seed=4, split="train")


def _play_by_hand(seeds, actions):
    """Images, rewards and ends of a stand-in whose episodes have these seeds; the first is not played."""
    where = importlib.util.spec_from_file_location("stand_in", PLACE / "deepmind_lab.py")
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    simulator = module.Lab(f"contributed/dmlab30/{LEVEL}", ["RGB_INTERLEAVED"], {"width": "96", "height": "72"})
    waiting = iter(seeds)
    images, rewards, ends = [], [], []
    for action in [None, None, *actions]:
        frames = []
        if action is not None:
            integers = np.array(ACTIONS[action], np.intc)
            rewards.append(0)
            for _ in range(4):
                if simulator.is_running():
                    rewards[-1] += simulator.step(integers)
                    frames.append(simulator.observations() if simulator.is_running() else None)
            ends.append(not simulator.is_running())
        if action is None or ends[-1]:
            simulator.reset(seed=next(waiting))
            frames = [simulator.observations()]
        last_two = [frame["RGB_INTERLEAVED"].transpose(2, 0, 1) for frame in frames[-2:]]
        images.append(np.max(last_two, axis=0))
    simulator.close()
    return images[1:], rewards, ends


def test_episodes_are_reproduced_whatever_the_batch_has_played_before(simulator):
    env, fresh = _lab(), _lab()
    env.reset()
    _play(env, np.zeros((5, 1), int))
    assert np.array_equal(env.reset(seed=11)[0], fresh.reset(seed=11)[0])
    actions = np.random.default_rng(0).integers(0, 9, (40, 1))
    assert all(np.array_equal(one, two) for one, two in zip(_play(env, actions), _play(fresh, actions)))
    env.close()
    fresh.close()


def test_a_reset_without_a_seed_begins_new_episodes(env):
    assert not np.array_equal(env.reset()[0], env.reset()[0])


def test_it_cannot_save_its_state(env):
    assert not env.can_restore
    with pytest.raises(RuntimeError, match=r"deepmind_lab.* cannot save the state of rooms_watermaze"):
        env.get_state()


@pytest.mark.parametrize("slot", [0, 1])
def test_a_slot_shows_the_maximum_of_an_actions_last_two_images_and_the_simulators_rewards_and_ends(training, slot):
    seeds = [call["seed"] for call in training.reset[slot]]
    images, rewards, ends = _play_by_hand(seeds, training.actions[:, slot])
    assert np.array_equal(training.images[:, slot], images)
    assert np.array_equal(training.rewards[:, slot], rewards)
    assert np.array_equal(training.terminated[:, slot], ends)
    assert sum(ends) == 4
    assert not training.truncated.any()


def test_images_are_channel_first(training):
    rows, columns = np.mgrid[:72, :96]
    assert np.array_equal(training.images[0, 0, 0], rows)
    assert np.array_equal(training.images[0, 0, 1], columns)


def test_the_reward_is_the_sum_over_the_action_repeat_up_to_the_end_of_the_episode(training):
    # Going forward, frame k of ten rewards k.
    assert training.rewards[:4, -1].tolist() == [1 + 2 + 3 + 4, 5 + 6 + 7 + 8, 9 + 10, 1 + 2 + 3 + 4]
    assert training.terminated[:4, -1].tolist() == [False, False, True, False]


def test_an_episode_may_end_with_the_last_frame_of_an_action(stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_FRAMES", "8")
    env = _lab()
    env.reset()
    _, rewards, terminated, _ = _play(env, [[FORWARD]] * 3)
    assert rewards[:, 0].tolist() == [1 + 2 + 3 + 4, 5 + 6 + 7 + 8, 1 + 2 + 3 + 4]
    assert terminated[:, 0].tolist() == [False, True, False]
    env.close()


def test_the_actions_reach_each_slot_as_the_papers_integers_held_for_four_frames(training):
    for slot, steps in enumerate(training.step):
        frames = iter([tuple(step["action"]) for step in steps for _ in range(step["num_steps"])])
        for action, ended in zip(training.actions[:, slot], training.terminated[:, slot]):
            held = [next(frames) for _ in range(3 if ended else 4)]  # two of three are left
            assert set(held) == {tuple(ACTIONS[action])}


def test_the_level_is_asked_for_by_its_full_name_with_a_list_and_strings(training):
    for (made,) in training.Lab:
        assert made["level"] == "contributed/dmlab30/rooms_watermaze"
        assert made["observations"] == ["RGB_INTERLEAVED"]
        assert made["config"] == {"width": "96", "height": "72", "logLevel": "WARN"}
        assert made["renderer"] == "software"


def test_evaluation_mixes_impalas_number_into_every_seed(testing):
    ((made,),) = testing.Lab
    assert made["config"]["mixerSeed"] == "1611489005"


def test_seeds_are_integers_of_32_bits_that_differ_between_episodes_slots_splits_and_runs(
    training, testing, other_seed
):
    resets = [*training.reset, *testing.reset, *other_seed.reset]
    assert [len(slot) for slot in resets] == [6] * 4  # one thrown away, one asked for, four after an end
    seeds = [call["seed"] for slot in resets for call in slot[1:]]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert {call["episode"] for slot in resets for call in slot} == {-1}  # the first positional argument


def test_what_the_constructor_refuses_is_told_in_one_line_with_level_and_fix(simulator):
    nowhere = dataclasses.replace(spec(LEVEL), target="contributed/dmlab30/nowhere")
    with pytest.raises(EnvironmentUnavailable) as caught:
        nowhere.backends[0].make(nowhere, Request(1, 0, "train", {"hud": True}, 1))
    assert str(caught.value).startswith(
        "environment rooms_watermaze cannot run here: deepmind_lab fails to start contributed/dmlab30/nowhere: slot 0: "
        "RuntimeError: Failed to init environment"
    )
    assert str(caught.value).endswith("build and install it anew, or choose backend rooms")
    assert "\n" not in str(caught.value)


def test_auto_prefers_the_real_simulator(stand_in):
    assert check_available(LEVEL).backend.split()[0] == "deepmind_lab"


def test_missing_programs_are_named_with_the_command_that_installs_them(stand_in, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "zip" else f"/bin/{program}")
    available = check_available(LEVEL, "deepmind_lab")
    assert available.reason == "deepmind_lab needs zip on PATH"
    assert "apt-get install" in available.fix


def test_asked_for_by_name_the_missing_simulator_is_refused_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        EnvironmentUnavailable, match=r"deepmind_lab is missing; the paper's numbers need.*google-deepmind/lab.*wheel"
    ):
        _lab()


def test_where_no_backend_runs_all_of_them_say_what_they_lack(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    available = check_available(LEVEL)
    assert available.reason == "Python package deepmind_lab is missing; Python package numba is missing"
    assert available.fix.endswith("install the wheel; or install it: pip install numba")
