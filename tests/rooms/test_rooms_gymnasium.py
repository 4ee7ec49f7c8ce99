"""The levels as Gymnasium environments, for projects that have nothing else of this one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from views import NONMATCHING

from rtrl_bench import rooms
from rtrl_bench.errors import ConfigError, UnknownName
from rtrl_bench.rooms.dmlab_levels import LEVEL_SECONDS
from rtrl_bench.rooms.environments import RoomsEnv, RoomsVectorEnv

IDS = list(rooms.IDS)
SHORT = "rtrl_bench/SelectNonmatchingObject-v0"  # of 180 steps


@pytest.mark.parametrize("name", IDS)
def test_gymnasiums_own_check_passes_without_a_warning(name, recwarn):
    check_env(gymnasium.make(name, render_mode="rgb_array").unwrapped)
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("name", IDS)
def test_a_batch_is_its_environments_one_by_one(name):
    """Gymnasium's own vector environment of single ones sees the same, over the end of episodes."""
    batch = gymnasium.make_vec(name, num_envs=3, threads=2, render_mode="rgb_array")
    alone = gymnasium.make_vec(
        name,
        num_envs=3,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        render_mode="rgb_array",
    )
    assert batch.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert batch.observation_space == alone.observation_space
    assert batch.action_space == alone.action_space
    np.testing.assert_array_equal(batch.reset(seed=5)[0], alone.reset(seed=5)[0])
    last = 60 * LEVEL_SECONDS[rooms.IDS[name]]
    batch.unwrapped.slots["frame"] = [last - 12, last - 20, 0]
    for env, slot in zip(alone.envs, batch.unwrapped.slots):
        env.unwrapped._batch.slots["frame"] = slot["frame"]
    random = np.random.default_rng(0)
    ends = 0
    for _ in range(8):
        actions = random.integers(0, 9, 3)
        (seen, *results, infos), (seen_alone, *results_alone, infos_alone) = batch.step(actions), alone.step(actions)
        np.testing.assert_array_equal(seen, seen_alone)
        for values, expected in zip(results, results_alone):
            np.testing.assert_array_equal(values, expected)
        assert infos.keys() == infos_alone.keys()
        for k in np.flatnonzero(results[1]):
            ends += 1
            np.testing.assert_array_equal(infos["final_obs"][k], infos_alone["final_obs"][k])
            assert (infos["final_obs"][k] != seen[k]).any()
        for picture, expected in zip(batch.render(), alone.render()):
            np.testing.assert_array_equal(picture, expected)
    assert ends == 2
    np.testing.assert_array_equal(batch.reset()[0], alone.reset()[0])
    batch.close()
    alone.close()


def test_a_seed_starts_the_same_episodes_again_and_a_reset_without_one_goes_on():
    env = gymnasium.make("rtrl_bench/KeysDoorsPuzzle-v0")  # whose first images differ
    first, again, other = (_first_images(env, seed, 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert all((a != b).any() for a, b in zip(first, other))
    assert (first[0] != first[1]).any()
    assert (first[1] != first[2]).any()


def test_what_was_never_seeded_differs():
    images = [gymnasium.make("rtrl_bench/KeysDoorsPuzzle-v0").reset()[0] for _ in range(3)]
    assert any((image != images[0]).any() for image in images)


def _first_images(env, seed, episodes):
    return np.array([env.reset(seed=seed)[0], *(env.reset()[0] for _ in range(episodes - 1))])


def test_an_episode_ends_with_its_levels_time_and_wants_a_reset_then():
    env = gymnasium.make(SHORT)
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(180)]
    assert ends == [(False, False)] * 179 + [(True, False)]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.unwrapped.step(0)
    env.reset()
    assert env.step(0)[2:4] == (False, False)


def test_the_last_image_of_an_episode_is_that_of_a_step_as_any_other():
    ends, goes_on = (RoomsVectorEnv(NONMATCHING, 1, threads=1) for _ in range(2))
    goes_on._simulator._last_frame = 10_000
    for env in (ends, goes_on):
        env.reset(seed=1)
        env.slots["frame"] = 60 * LEVEL_SECONDS[NONMATCHING] - 12
    for action in (6, 6):
        np.testing.assert_array_equal(ends.step([action])[0], goes_on.step([action])[0])
    _, _, terminated, _, infos = ends.step([6])
    assert terminated.all()
    np.testing.assert_array_equal(infos["final_obs"][0], goes_on.step([6])[0][0])


def test_slots_have_the_seeds_given_or_consecutive_ones():
    env = RoomsVectorEnv(NONMATCHING, 2)
    consecutive = env.reset(seed=7)[0]
    np.testing.assert_array_equal(env.reset(seed=[7, 8])[0], consecutive)
    np.testing.assert_array_equal(env.reset(seed=[8, 7])[0], consecutive[::-1])
    with pytest.raises(ValueError, match="3 seeds for 2 environments"):
        env.reset(seed=[1, 2, 3])
    with pytest.raises(ValueError, match=r"seed = -1: expected an integer in 0\.\.2"):
        env.reset(seed=[1, -1])


def test_the_signs_on_the_screen_can_be_left_out():
    (with_signs, _), (without, _) = (gymnasium.make(SHORT, hud=hud).reset(seed=3) for hud in (True, False))
    assert (with_signs != without).any()
    np.testing.assert_array_equal(with_signs[10:57], without[10:57])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hud": 1}, "hud = 1 of rooms_select_nonmatching_object: expected true or false"),
        ({"render_mode": "human"}, "render_mode = 'human'"),
        ({"level": "rooms_watermase"}, "unknown level 'rooms_watermase': expected one of rooms_select"),
    ],
)
def test_options_are_checked_in_both_forms(options, message):
    for form in (RoomsEnv, RoomsVectorEnv):
        with pytest.raises((ConfigError, UnknownName), match=message):
            form(**{"level": NONMATCHING, **options})


@pytest.mark.parametrize("options", [{"num_envs": 0}, {"num_envs": 2.0}, {"threads": 0}, {"threads": True}])
def test_numbers_of_a_batch_are_checked(options):
    with pytest.raises(ConfigError, match=r"expected an integer >= 1"):
        RoomsVectorEnv(**{"level": NONMATCHING, **options})


@pytest.mark.parametrize("actions", [[0, 9], [0, -1], [0], [0.0, 1.0], [[0, 1]]])
def test_what_is_no_action_is_refused(actions):
    env = RoomsVectorEnv(NONMATCHING, 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected 2 integers in 0\.\.8"):
        env.step(np.array(actions))


def test_a_step_before_a_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded):
        RoomsVectorEnv(NONMATCHING, 1).step(np.zeros(1, int))
    with pytest.raises(gymnasium.error.ResetNeeded):
        RoomsEnv(NONMATCHING).step(0)


ALONE = """
import sys
from importlib.abc import MetaPathFinder
allowed = {"numpy", "gymnasium", "cloudpickle", "farama_notifications", "typing_extensions", "numba", "llvmlite"}
class Others(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed | {"rtrl_bench"} | set(sys.stdlib_module_names):
            raise ModuleNotFoundError(f"not among the packages of [rooms]: {name}", name=top)
sys.meta_path.insert(0, Others())
import gymnasium
for name in ("SelectNonmatchingObject", "Watermaze", "KeysDoorsPuzzle"):
    env = gymnasium.make_vec(f"rtrl_bench.rooms:rtrl_bench/{name}-v0", num_envs=2)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    gymnasium.make(f"rtrl_bench.rooms:rtrl_bench/{name}-v0").reset(seed=0)
print(*sorted({"torch", "cv2", "PIL", "scipy", "pandas", "pydantic"} & set(sys.modules)))
floors_above = ("rtrl_bench.envs", "rtrl_bench.runs", "rtrl_bench.experiments")
print(*sorted(name for name in sys.modules if name.startswith(floors_above)))
"""


def test_the_package_imports_nothing_of_the_floors_above():
    package = Path(rooms.__file__).parent
    modules = set()
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules |= {node.module} if isinstance(node, ast.ImportFrom) else set()
            modules |= {name.name for name in node.names} if isinstance(node, ast.Import) else set()
    ours = {module.split(".")[1] for module in modules if module and module.startswith("rtrl_bench.")}
    assert ours <= {"rooms", "errors", "system"}


def test_gymnasium_numba_and_numpy_are_enough():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n\n"
