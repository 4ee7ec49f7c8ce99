"""The rules of rooms_select_nonmatching_object and rooms_watermaze, by scripted players and by chance."""

import numpy as np
import pytest

from rtrl_bench.envs import registry
from rtrl_bench.envs.dmlab_levels import LEVEL_SECONDS
from rtrl_bench.envs.rooms import batch, levels, maps, oracles, physics
from rtrl_bench.envs.rooms.state import SLOT, SPRITE_COLOUR, SPRITE_PICTURE, SPRITE_Y

NONMATCHING, WATERMAZE = "rooms_select_nonmatching_object", "rooms_watermaze"


class Player:
    """One level's rules without its pictures, a slot at a time."""

    def __init__(self, level, slots=1, seed=0):
        self.level, self.last_frame = levels.LEVELS[level], 60 * LEVEL_SECONDS[level]
        self.slots = np.zeros(slots, SLOT)
        self.slots["seed"] = seed + np.arange(slots)
        for slot in self.slots:
            levels.begin_episode(self.level, slot)

    def step(self, actions):
        level, rewards = self.level, np.zeros(len(self.slots), np.float32)
        levels.advance(
            *(self.slots, 0, len(self.slots), np.asarray(actions, np.int64), rewards, level.number),
            *(self.last_frame, level.floor_z, level.boxes, level.planes),
        )
        return rewards

    def episode(self, choose):
        """Rewards (T, slots) of one episode of every slot."""
        rewards = []
        while not self.slots["over"].all():
            rewards.append(self.step([choose(slot) for slot in self.slots]))
        return np.array(rewards)


def test_perfect_play_of_nonmatching_is_six_trials_and_66():
    rewards = Player(NONMATCHING, slots=8).episode(oracles.nonmatching)
    assert len(rewards) == 180
    assert rewards.sum(0).tolist() == [66.0] * 8


def test_the_matching_object_is_punished_and_ends_the_trial():
    player = Player(NONMATCHING)

    def wrong(slot):
        mirrored = slot.copy()
        mirrored["choice"] = 1 - slot["choice"]
        return oracles.nonmatching(mirrored)

    rewards = player.episode(wrong)
    assert set(np.unique(rewards)) == {-10.0, 0.0, 1.0}
    assert (rewards == -10).sum() == 6


def test_the_match_is_drawn_once_per_episode_and_the_rest_for_every_trial():
    player = Player(NONMATCHING, slots=16, seed=7)
    seen = [[] for _ in player.slots]
    while not player.slots["over"].all():
        rewards = player.step([oracles.nonmatching(slot) for slot in player.slots])
        for k, slot in enumerate(player.slots):
            if rewards[k] == 1:  # in the second room
                example, right, wrong = slot["sprites"][:3]
                objects = (thing[[SPRITE_PICTURE, SPRITE_COLOUR]] for thing in (example, wrong, right))
                seen[k].append((*np.concatenate(list(objects)), example[SPRITE_Y], right[SPRITE_Y]))
    for trials in seen:
        array = np.array(trials)
        assert (array[:, 0:4] == array[0, 0:4]).all()  # the example is the match, and stays
        assert (array[:, 4:6] != array[:, 0:2]).any(1).all()  # the other object is another one
    everything = np.concatenate([np.array(trials) for trials in seen])
    assert len(np.unique(everything[:, :2], axis=0)) > 8
    assert set(everything[:, 6]) == {y for _, y in maps.EXAMPLES}
    assert set(everything[:, 7]) == {y for _, y in maps.CHOICES}
    assert {0, 1, 2} == set(everything[:, 5])


def test_the_teleporter_throws_the_player_forward_without_grip():
    player = Player(NONMATCHING)
    while player.step([oracles.nonmatching(player.slots[0])]) == 0:
        pass
    slot = player.slots[0]
    assert slot["vx"] == physics.TELEPORT_SPEED
    before = slot["y"]
    player.step([0])
    assert slot["vx"] == physics.TELEPORT_SPEED
    assert slot["y"] == before


def test_perfect_play_of_the_watermaze_is_near_the_ceiling():
    """7200 frames of visits of about 329 and walks of about 175 frames, turns included, give 71."""
    rewards = Player(WATERMAZE, slots=8).episode(oracles.watermaze)
    assert len(rewards) == 1800
    assert 65 <= rewards.sum(0).mean() <= 85
    assert rewards.max() == 1.0


def test_a_visit_gives_five_rewards_a_second_apart_and_then_a_new_start():
    player = Player(WATERMAZE)
    slot = player.slots[0]
    platform = slot["platform_x"], slot["platform_y"]
    physics.place(slot, platform[0] + 100.0, platform[1], maps.WATER_Z + physics.GROUND_Z, 180.0)
    rewards, heights = [], []
    for _ in range(100):
        found = slot["event"] >= 0
        rewards.append(float(player.step([0])[0]))
        heights.append(slot["z"])
        if found and slot["event"] < 0:
            break
    at = np.flatnonzero(rewards)
    assert len(at) == 5
    assert set(np.diff(at)) <= {15, 16}  # 62.5 frames
    assert max(heights) == maps.WATER_Z + physics.GROUND_Z + levels.RAISED
    assert min(np.hypot(*(maps.WATER_SPAWNS - (slot["x"], slot["y"])).T)) < 25.0
    assert (slot["platform_x"], slot["platform_y"]) == platform  # for the whole episode


def test_platforms_are_uniform_over_their_disc():
    slots = Player(WATERMAZE, slots=2000).slots
    radius = np.hypot(slots["platform_x"], slots["platform_y"])
    assert radius.max() <= levels.PLATFORM_RADIUS
    inner = (radius < levels.PLATFORM_RADIUS / np.sqrt(2)).mean()
    assert inner == pytest.approx(0.5, abs=0.04)  # 3.5 standard deviations
    assert slots["platform_x"].mean() == pytest.approx(0.0, abs=30.0)


def test_starts_in_the_water_are_uniform_with_any_direction():
    slots = Player(WATERMAZE, slots=2000).slots
    _, counts = np.unique(np.stack([slots["x"], slots["y"]]), axis=1, return_counts=True)
    assert len(counts) == 8
    assert abs(counts - 250).max() < 60
    assert np.histogram(slots["yaw"], 4, (-180, 180))[0].min() > 420


def _random_rewards(level, episodes, seed):
    random = np.random.default_rng(seed)
    return Player(level, slots=episodes, seed=1000).episode(lambda slot: random.integers(0, 9))


def test_random_play_of_nonmatching_scores_as_in_the_real_engine():
    """60 recorded episodes: 43 pads, 18 right and 17 wrong choices; within three standard deviations of these."""
    episodes = 600
    rewards = _random_rewards(NONMATCHING, episodes, seed=0)
    for value, recorded in ((1.0, 43), (10.0, 18), (-10.0, 17)):
        rate = (rewards == value).sum() / episodes
        assert abs(rate - recorded / 60) < 3 * np.sqrt(recorded) / 60
    assert abs(rewards.sum(0).mean() - 0.9) < 3 * 7.8 / np.sqrt(60)


def test_random_play_of_the_watermaze_mostly_finds_nothing():
    total = _random_rewards(WATERMAZE, 40, seed=1).sum(0)
    assert np.median(total) == 0
    assert set(total) <= set(range(0, 30))


def test_random_play_of_keys_doors_scores_as_in_the_real_engine():
    """Published random score 4.135 (scalable_agent, dmlab30.py); within three standard errors of ours."""
    total = _random_rewards("rooms_keys_doors_puzzle", 200, seed=2).sum(0)
    assert abs(total.mean() - 4.135) < 3 * total.std() / np.sqrt(200)
    assert total.std() / np.sqrt(200) < 1.0


def test_episodes_depend_on_the_slots_seed_and_on_nothing_else():
    many = registry.make(WATERMAZE, 6, seed=5, threads=2, backend="rooms")
    few = registry.make(WATERMAZE, 3, seed=5, threads=1, backend="rooms")
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(many.reset()[0][:3], few.reset()[0])
    for _ in range(30):
        actions = random.integers(0, 9, 6)
        seen, rewards, *_ = many.step(actions)
        seen_few, rewards_few, *_ = few.step(actions[:3])
        np.testing.assert_array_equal(seen[:3], seen_few)
        np.testing.assert_array_equal(rewards[:3], rewards_few)
    many.close()
    few.close()


def test_a_state_with_another_layout_of_the_record_is_refused(monkeypatch):
    env = registry.make(WATERMAZE, 1, seed=0, threads=1, backend="rooms")
    env.reset()
    saved = env.get_state()
    fields = [("vx" if name == "x" else "x" if name == "vx" else name, *rest) for name, *rest in SLOT.descr]
    monkeypatch.setattr(batch, "SLOT", np.dtype(fields))
    with pytest.raises(ValueError, match="state of another environment: layout"):
        env.set_state(saved)
    env.close()


@pytest.mark.parametrize("level", list(levels.LEVELS))
def test_a_saved_state_continues_exactly_over_the_end_of_an_episode(level):
    env = registry.make(level, 2, seed=1, threads=1, backend="rooms")
    env.reset()
    random = np.random.default_rng(0)
    env.slots["frame"] = 60 * LEVEL_SECONDS[level] - 40
    for _ in range(5):
        env.step(random.integers(0, 9, 2))
    saved = env.get_state()
    actions = random.integers(0, 9, (30, 2))
    first = [env.step(a)[:3] for a in actions]
    other = registry.make(level, 2, seed=99, threads=2, backend="rooms")
    other.set_state(saved)
    again = [other.step(a)[:3] for a in actions]
    assert any(ended.any() for _, _, ended in first)
    for (seen, rewards, ended), (seen2, rewards2, ended2) in zip(first, again):
        np.testing.assert_array_equal(seen, seen2)
        np.testing.assert_array_equal(rewards, rewards2)
        np.testing.assert_array_equal(ended, ended2)
    env.close()
    other.close()
