"""Finding environments by name, and refusing what cannot be run, before any simulator is touched."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

from rtrl_bench import __version__
from rtrl_bench.envs.registry import ENVIRONMENTS, check_available, make, spec, validate
from rtrl_bench.errors import ConfigError, UnknownName

DMLAB = ("rooms_select_nonmatching_object", "rooms_watermaze", "rooms_keys_doors_puzzle")
PAPER = ("breakout", "gravitar", "mspacman", "qbert", "seaquest", "chaser", *DMLAB)


def test_looking_up_and_checking_every_environment_imports_no_simulator_and_no_torch():
    code = (
        "import sys; from rtrl_bench.envs.registry import ENVIRONMENTS, check_available, validate\n"
        "for name in ENVIRONMENTS: validate(name); check_available(name)\n"
        "heavy = ('torch', 'ale_py', 'cv2', 'procgen', 'gym', 'gym3', 'deepmind_lab', 'numba')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_papers_environments_are_registered_with_their_budgets():
    assert {name: spec(name).paper_env_steps for name in PAPER} == {
        **dict.fromkeys(("breakout", "gravitar", "mspacman", "qbert", "seaquest", "chaser"), 200_000_000),
        "rooms_select_nonmatching_object": 30_000_000,
        "rooms_watermaze": 100_000_000,
        "rooms_keys_doors_puzzle": 100_000_000,
    }


def test_frames_per_step_are_those_of_the_paper():
    assert {name: spec(name).frames_per_step for name in ENVIRONMENTS} == {
        name: 4 if spec(name).suite in ("atari", "dmlab") else 1 for name in ENVIRONMENTS
    }


def test_an_unknown_name_is_refused_with_the_closest_and_the_forms_that_exist():
    with pytest.raises(UnknownName, match=r"unknown environment 'brekout'.*did you mean breakout.*procgen:<game>"):
        spec("brekout")


def test_an_unknown_family_is_refused():
    with pytest.raises(
        UnknownName, match="unknown environment family 'ale': expected one of atari, gymnasium, procgen"
    ):
        spec("ale:pong")


def test_the_episode_limit_follows_the_options():
    limits = {("tmaze", "delay", 40): 41, ("delayed_match", "delay", 3): 4, ("breakout", "max_frames", 400): 100}
    for (name, key, value), steps in limits.items():
        assert validate(name, {key: value}).episode_limit == steps


@pytest.mark.parametrize("name", DMLAB)
def test_dmlab_runs_embedded_where_the_real_simulator_is_missing(name, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "deepmind_lab" else find(name))
    assert [backend.name for backend in spec(name).backends] == ["deepmind_lab", "rooms"]
    assert check_available(name).ok
    assert check_available(name).backend == f"rooms {__version__}"
    assert not check_available(name, backend="deepmind_lab").ok


def test_a_backend_can_be_asked_for_by_name():
    assert check_available("breakout", backend="ale-py").ok
    env = make("tmaze", 1, seed=0, backend="rtrl_bench")
    assert env.backend.startswith("rtrl_bench ")


def test_a_wrong_backend_is_refused_with_those_that_exist():
    with pytest.raises(ConfigError, match="backend = 'envpool' of environment breakout: expected one of auto, ale-py"):
        validate("breakout", backend="envpool")


def test_unknown_options_are_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"unknown option 'sticky' of environment breakout: expected one of max_frames"
    ):
        make("breakout", 1, seed=0, options={"sticky": 0.25})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_envs": 0}, "num_envs = 0 of environment tmaze: expected an integer >= 1"),
        ({"num_envs": 1.5}, "num_envs = 1.5"),
        ({"seed": -1}, "seed = -1 of environment tmaze: expected an integer >= 0"),
        ({"seed": None}, "seed = None"),
        ({"threads": -2}, "threads = -2"),
        ({"split": "validation"}, "split = 'validation' of environment tmaze: expected one of train, test"),
    ],
)
def test_bad_numbers_and_splits_are_refused(change, message):
    arguments = {"num_envs": 1, "seed": 0, **change}
    with pytest.raises(ConfigError, match=message):
        make("tmaze", **arguments)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `things`, empty, whose registry is asked for in the test, and the folder of its modules."""
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from rtrl_bench.registry import Registry\nTHINGS = Registry('thing', 'things')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "things"]:
        del sys.modules[name]


def test_a_module_that_cannot_be_imported_is_reported_at_every_look_up(package):
    (package / "a.py").write_text("import no_such_package")
    things = importlib.import_module("things").THINGS
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            things["one"]


def test_a_module_may_look_up_while_it_is_imported(package):
    (package / "a.py").write_text("from things import THINGS\nTHINGS.register('one')(1)")
    (package / "b.py").write_text("from things import THINGS\nTHINGS.register('two')(THINGS['one'] + 1)")
    assert importlib.import_module("things").THINGS["two"] == 2


def test_checking_an_unknown_name_raises_nothing():
    available = check_available("brekout")
    assert not available.ok
    assert "did you mean breakout" in available.reason
