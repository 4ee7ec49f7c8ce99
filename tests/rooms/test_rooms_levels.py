"""The rules of rooms_select_nonmatching_object and rooms_watermaze, by scripted players and by chance."""

import numpy as np
import pytest

from rtrl_bench.envs import registry
from rtrl_bench.rooms import levels, maps, oracles, physics, render, scenes, watermaze
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, LEVEL_SECONDS
from rtrl_bench.rooms.state import SLOT, SPRITE_COLOUR, SPRITE_PICTURE, SPRITE_Y

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
        rewards = np.zeros(len(self.slots), np.float32)
        played = self.slots, 0, len(self.slots), np.asarray(actions, np.int64), ACTION_REPEAT, rewards
        levels.advance(*played, *self.level.rules(self.last_frame))
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
    assert rewards.max() <= 2.0  # an extra one may come in the same step, as it does in a recording


def _visit(slot_seed, search_s=0.0):
    """A visit after a search of so many seconds: rewards and heights of its frames, and the slot behind it."""
    player = Player(WATERMAZE, seed=slot_seed)
    slot = player.slots[0]
    physics.place(slot, slot["platform_x"] + 100.0, slot["platform_y"], maps.WATER_Z + physics.GROUND_Z, 180.0)
    slot["server_ms"] = 1000 * search_s
    rewards, heights = [], []
    while slot["found_ms"] >= 0 or not rewards or max(heights) < maps.WATER_Z + 30 + physics.GROUND_Z:
        frame = np.zeros(1, np.float32)
        levels.advance(player.slots, 0, 1, np.zeros(1, np.int64), 1, frame, *player.level.rules(1 << 30))
        rewards.append(float(frame[0]))
        heights.append(slot["z"])
    return np.array(rewards), np.array(heights), slot


def test_a_visit_gives_five_rewards_a_second_apart_and_then_a_new_start():
    rewards, heights, slot = _visit(0)
    at = np.flatnonzero(rewards)
    assert rewards.sum() == len(at) == 5
    assert set(np.diff(at)) <= {62, 63}
    assert len(rewards) - at[-1] == pytest.approx(63, abs=2)
    assert max(heights[at[0] + 20 :]) == watermaze.HIGH + physics.GROUND_Z
    assert min(np.hypot(*(maps.WATER_SPAWNS - (slot["x"], slot["y"])).T)) < 1.0


def test_the_platform_stays_where_it_is_for_an_episode():
    player = Player(WATERMAZE)
    before = player.slots[["platform_x", "platform_y"]].copy()
    player.episode(oracles.watermaze)
    assert (player.slots[["platform_x", "platform_y"]] == before).all()


def _steps_held_by_rule(search_s, visits, random):
    """Steps from the first reward to the respawn, as the engine was measured to do it, in the source's own words.

    After each reward, with p = trial seconds / 200, one more trigger comes at once; the sixth trigger is the respawn.
    """
    held = []
    for _ in range(visits):
        triggers, seconds = 0, 0.0
        while triggers < 6:
            triggers += 1
            while triggers < 6 and random.random() < (search_s + seconds) / 200:
                triggers += 1
            seconds += 1.0 if triggers < 6 else 0.0
        held.append(seconds * 62.5 / 4)
    return np.array(held)


@pytest.mark.parametrize("search_s", [5.0, 35.0, 90.0])
def test_visits_are_the_shorter_the_longer_the_search_was_as_in_the_engine(search_s):
    visits = 120
    ours = np.array([(len(r) - np.flatnonzero(r)[0]) / 4 for r, _, _ in (_visit(k, search_s) for k in range(visits))])
    rule = _steps_held_by_rule(search_s, 4000, np.random.default_rng(0))
    seconds = np.rint(np.stack([np.quantile(ours, [0.25, 0.5, 0.75]), np.quantile(rule, [0.25, 0.5, 0.75])]) / 15.625)
    assert abs(seconds[0] - seconds[1]).max() <= 1
    # In whole seconds the two are draws of one distribution: chi-square over the six lengths
    counts = np.bincount(np.rint(ours / 15.625).astype(int), minlength=6)
    expected = np.bincount(np.rint(rule / 15.625).astype(int), minlength=6) * visits / len(rule)
    often = expected > 3
    chi2 = ((counts - expected)[often] ** 2 / expected[often]).sum()
    assert chi2 < 20.5  # p = 0.001 with five degrees of freedom


def test_platforms_are_uniform_over_their_disc():
    slots = Player(WATERMAZE, slots=2000).slots
    radius = np.hypot(slots["platform_x"], slots["platform_y"])
    assert radius.max() <= watermaze.PLATFORM_RADIUS
    inner = (radius < watermaze.PLATFORM_RADIUS / np.sqrt(2)).mean()
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


def test_an_image_is_the_brighter_of_the_last_two_frames():
    env = registry.make(NONMATCHING, 2, seed=3, threads=1, backend="rooms")
    env.reset()
    by_hand, scene, rules = env.simulator.slots.copy(), scenes.scene(NONMATCHING), env.simulator.level.rules(720)
    for action in (0, 6, 7, 0, 4):
        frames = np.zeros((2, 72, 96, 3), np.uint8)
        for frame in range(4):
            levels.advance(by_hand, 0, 2, np.full(2, action), 1, np.zeros(2, np.float32), *rules)
            if frame == 2:
                render.draw(by_hand, 0, 2, frames, False, scene)
        last = np.zeros_like(frames)
        render.draw(by_hand, 0, 2, last, False, scene)
        images, *_ = env.step(np.full(2, action))
        np.testing.assert_array_equal(images.transpose(0, 2, 3, 1), np.maximum(frames, last))
        assert (frames != last).any()
    env.close()


def test_the_first_image_of_a_new_episode_shows_nothing_of_the_last_one():
    env = registry.make(NONMATCHING, 1, seed=3, threads=1, backend="rooms")
    env.reset()
    env.simulator.slots["frame"] = 719
    image, _, ended, *_ = env.step(np.zeros(1, np.int64))
    alone = np.zeros((1, 72, 96, 3), np.uint8)
    render.draw(env.simulator.slots, 0, 1, alone, False, scenes.scene(NONMATCHING))
    assert ended.all()
    np.testing.assert_array_equal(image.transpose(0, 2, 3, 1), alone)
    env.close()


def test_the_hud_can_be_left_out():
    seen = []
    for hud in (True, False):
        env = registry.make(NONMATCHING, 1, seed=3, threads=1, backend="rooms", options={"hud": hud})
        seen.append(env.reset()[0])
        env.close()
    assert (seen[0] != seen[1]).any()
    np.testing.assert_array_equal(seen[0][..., 10:57, :], seen[1][..., 10:57, :])


def test_a_state_with_another_layout_of_the_record_is_refused():
    env = registry.make(WATERMAZE, 1, seed=0, threads=1, backend="rooms")
    env.reset()
    saved = env.get_state()
    fields = [("vx" if name == "x" else "x" if name == "vx" else name, *rest) for name, *rest in SLOT.descr]
    env.simulator.slots = np.zeros(1, np.dtype(fields))
    with pytest.raises(ValueError, match="state of another environment: layout"):
        env.set_state(saved)
    env.close()


@pytest.mark.parametrize("level", list(levels.LEVELS))
def test_a_saved_state_continues_exactly_over_the_end_of_an_episode(level):
    env = registry.make(level, 2, seed=1, threads=1, backend="rooms")
    env.reset()
    random = np.random.default_rng(0)
    env.simulator.slots["frame"] = 60 * LEVEL_SECONDS[level] - 40
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
