"""`gymnasium:<id>`: which ids are found, which are refused or unavailable and why, and how episodes end."""

from __future__ import annotations

from typing import ClassVar

import gymnasium
import gymnasium_environments  # noqa: F401 (registers TestVector-v0)
import numpy as np
import pytest
from gymnasium import spaces

from rtrl_bench.envs import gymnasium_packages
from rtrl_bench.envs.registry import check_available, make, validate
from rtrl_bench.errors import EnvironmentFailed, EnvironmentUnavailable, UnknownName


def test_the_last_observation_of_an_episode_that_was_cut_is_kept():
    env = make("gymnasium:TestVector-v0", 2, seed=0)
    env.reset()
    infos = [env.step(np.zeros(2, int))[4] for _ in range(9)]
    assert [sorted(info) for info in infos] == [[]] * 8 + [["final_observations"]]
    assert infos[-1]["final_observations"].tolist() == [[3, -3]] * 2


class Flags(gymnasium.Env):
    """Says what it is told of its end."""

    observation_space = action_space = spaces.Discrete(2)
    said: ClassVar[tuple] = (False, False)

    def reset(self, *, seed=None, options=None):
        return 0, {}

    def step(self, action):
        return 0, 0.0, *self.said, {}


gymnasium.register("TestFlags-v0", Flags)


@pytest.mark.parametrize("said", [(1, 0), (np.bool_(True), np.uint8(0)), (1.0, False)])
def test_flags_of_other_types_are_ends(monkeypatch, said):
    monkeypatch.setattr(Flags, "said", said)
    env = make("gymnasium:TestFlags-v0", 1, seed=0)
    env.reset()
    _, _, terminated, truncated, _ = env.step(np.zeros(1, int))
    assert (terminated.tolist(), truncated.tolist()) == ([True], [False])


@pytest.mark.parametrize("said", [(None, False), (False, float("nan")), (2, 0), ("no", False)])
def test_flags_that_are_neither_true_nor_false_are_refused(monkeypatch, said):
    monkeypatch.setattr(Flags, "said", said)
    env = make("gymnasium:TestFlags-v0", 1, seed=0)
    env.reset()
    with pytest.raises(EnvironmentFailed, match=r"TestFlags-v0 failed: ValueError: t.* = .*, expected True or False"):
        env.step(np.zeros(1, int))


def test_the_next_episode_begins_in_the_step_in_which_one_ended():
    env = make("gymnasium:TestVector-v0", 2, seed=0)
    env.reset()
    steps = [env.step(np.array([0, 1])) for _ in range(9)]
    assert [s[0][0, 0] for s in steps] == [1, 2, 0] * 3
    assert [s[1][0] for s in steps] == [1, 2, 3] * 3
    assert [bool(s[2][0]) for s in steps] == [False, False, True, False, False, True, False, False, False]
    assert [bool(s[3][0]) for s in steps] == [False] * 8 + [True]


def test_the_episode_limit_is_the_ids_own_or_the_one_that_is_asked_for():
    assert validate("gymnasium:CartPole-v1").episode_limit == 500
    assert validate("gymnasium:CartPole-v1", {"max_episode_steps": 60}).episode_limit == 60
    assert validate("gymnasium:CartPole-v1", {"max_episode_steps": -1}).episode_limit is None
    assert validate("gymnasium:CliffWalking-v1").episode_limit is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPol-v1", "did you mean gymnasium:CartPole-v1"),
        ("CartPole-v7", "did you mean gymnasium:CartPole-v"),
        (
            "Nowhere/Nothing-v0",
            r"unknown environment 'gymnasium:Nowhere/Nothing-v0': "
            r"expected an id of gymnasium\.envs\.registration\.registry.*gymnasium\.pprint_registry\(\) shows them",
        ),
        ("rtrl_bench.envs:rtrl_bench/TMase-v0", "did you mean gymnasium:rtrl_bench.envs:rtrl_bench/TMaze-v0"),
        ("CartPole-v1:", "expected 'CartPole-v1' to be the name of a Python module"),
        ("../pole:Cart-v0", r"expected '\.\./pole' to be the name"),
        ("gym-nasium:CartPole-v1", "did you mean gymnasium:gymnasium:CartPole-v1"),
    ],
)
def test_ids_that_do_not_exist_are_refused(name, message):
    with pytest.raises(UnknownName, match=message):
        validate(f"gymnasium:{name}")


def test_an_id_whose_package_is_missing_is_unavailable_with_the_reason():
    gymnasium.register("TestMissing-v0", "no_such_simulator:Env")
    available = check_available("gymnasium:TestMissing-v0")
    assert not available.ok
    assert "no_such_simulator" in available.reason


@pytest.mark.parametrize("error", [ValueError("no licence"), RuntimeError("")])
def test_an_id_whose_constructor_raises_is_unavailable_with_the_reason(error):
    def fail():
        raise error

    name = f"Test{type(error).__name__}-v0"
    gymnasium.register(name, fail)
    available = check_available(f"gymnasium:{name}")
    assert not available.ok
    assert f"{type(error).__name__}: {error}".strip() in available.reason
    with pytest.raises(EnvironmentUnavailable, match=f"gymnasium:{name} cannot run here: .*; mend what it names"):
        make(f"gymnasium:{name}", 1, seed=0)


@pytest.mark.parametrize("raised", ["ValueError('no display')", "SystemExit(0)"])
def test_a_module_that_raises_while_imported_is_unavailable_with_the_reason(tmp_path, monkeypatch, raised):
    module = f"broken_environments_{raised[:3].lower()}"
    (tmp_path / f"{module}.py").write_text(f"raise {raised}")
    monkeypatch.syspath_prepend(tmp_path)
    name = f"gymnasium:{module}:Some-v0"
    assert validate(name, {"any": 1}).suite == "gymnasium"
    available = check_available(name)
    assert not available.ok
    assert f"Python module {module} cannot be imported: {raised[:9]}" in available.reason
    assert available.fix == "mend what it names"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("no_such_module:Nothing-v0", "put its file into the current folder or on PYTHONPATH, or correct the name"),
        ("gymnazium:CartPole-v1", "or correct the name; did you mean gymnasium:gymnasium:CartPole-v1?"),
        ("popgym_:popgym-Any-v0", "pip install popgym, and name it gymnasium:popgym:popgym-Any-v0"),
    ],
)
def test_a_module_that_is_absent_leaves_the_environment_unavailable_and_says_how_to_get_it(name, fix):
    available = check_available(f"gymnasium:{name}")
    assert f"Python module {name.partition(':')[0]} cannot be imported: ModuleNotFoundError" in available.reason
    assert available.fix.endswith(fix)
    with pytest.raises(EnvironmentUnavailable, match="cannot be imported"):
        make(f"gymnasium:{name}", 1, seed=0)


def test_a_module_that_registers_another_packages_environment_counts_with_it(tmp_path, monkeypatch):
    text = "import gymnasium\ngymnasium.register('ShortCartPole-v0', 'gymnasium.envs.classic_control:CartPoleEnv')\n"
    (tmp_path / "short_cart_pole.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert validate("gymnasium:short_cart_pole:ShortCartPole-v0").backends[0].packages == ("short_cart_pole",)


def test_the_package_of_a_well_known_id_is_found_without_its_module():
    packages = validate("gymnasium:ALE/Pong-v5").backends[0].packages
    assert packages == ("ale-py",)
    assert make("gymnasium:ALE/Pong-v5", 1, seed=0).single_observation_space.shape == (3, 210, 160)


def test_the_package_of_a_well_known_id_is_named_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(gymnasium_packages.PACKAGES, "Absent/", gymnasium_packages.Package("no_such", "no-such"))
    available = check_available("gymnasium:Absent/Any-v0")
    assert "Python module no_such cannot be imported" in available.reason
    assert available.fix == "install its package: pip install no-such"


OFFERING = """
import gymnasium

def register():
    gymnasium.register("Offered/Some-v0", "gymnasium.envs.toy_text:TaxiEnv")
"""


@pytest.mark.parametrize("name", ["Offered/Some-v0", "offering:Offered/Some-v0"])
def test_a_package_that_registers_its_ids_by_an_entry_point_is_found(tmp_path, monkeypatch, name):
    (tmp_path / "offering.py").write_text(OFFERING)
    package = tmp_path / "offering-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[gymnasium.envs]\nOffered = offering:register\n")
    monkeypatch.syspath_prepend(tmp_path)
    gymnasium.registry.pop("Offered/Some-v0", None)
    assert validate(f"gymnasium:{name}").target == "Offered/Some-v0"


def test_an_unknown_id_of_a_module_that_registers_others_is_refused_with_the_closest():
    with pytest.raises(UnknownName, match=r"importing ale_py registers no such id; did you mean .*ale_py:ALE/Pong-v5"):
        validate("gymnasium:ale_py:ALE/Pnog-v5")


def test_continuous_actions_are_unavailable_with_the_reason():
    available = check_available("gymnasium:Pendulum-v1")
    assert not available.ok
    assert "expected discrete actions" in available.reason
