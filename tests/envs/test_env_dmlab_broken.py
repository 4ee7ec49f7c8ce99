"""A DeepMind Lab that is installed and does not work: named with the fix, and no obstacle to the embedded levels."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rtrl_bench import __version__
from rtrl_bench.envs import dmlab_pool, dmlab_probe, dmlab_worker
from rtrl_bench.envs.registry import check_available, make
from rtrl_bench.errors import EnvironmentUnavailable
from rtrl_bench.rooms.dmlab_levels import IMAGE_SHAPE

LEVEL, MAPS = "rooms_watermaze", "rooms_keys_doors_puzzle"
LIBRARY = "libOSMesa.so.8: cannot open shared object file"
NO_LEVEL = "import os\ndef Lab(level, *more, **others):\n    os.listdir(level)\n"
BROKEN = {
    "import": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", "mend what it names"),
    "library": (f"raise ImportError({LIBRARY!r})", f"ImportError: {LIBRARY}", "mend what it names, or build it anew"),
    "exit": ("raise SystemExit(3)", "exit code 3", "build"),
    "crash": ("import os; os.abort()", "it ends with signal SIGABRT", "mend or rebuild it"),
    "level": (NO_LEVEL, "No such file or directory: 'contributed/dmlab30/rooms_watermaze'", "mend what it names"),
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(text): `deepmind_lab` has this content."""

    def write(text):
        (tmp_path / "deepmind_lab.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)

    monkeypatch.setattr(dmlab_probe, "problem", dmlab_probe.problem.__wrapped__)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "zip").write_text("")
    (programs / "zip").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return write


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_module_leaves_the_embedded_levels_available_and_is_named_with_the_fix(module, what):
    text, reason, fix = BROKEN[what]
    module(text)
    assert check_available(LEVEL).backend == f"rooms {__version__}"
    available = check_available(LEVEL, "deepmind_lab")
    assert not available.ok
    assert available.reason.startswith("deepmind_lab is installed and cannot be used: ")
    assert available.reason.endswith(reason)
    assert fix in available.fix
    with pytest.raises(EnvironmentUnavailable, match="installed and cannot be used"):
        make(LEVEL, 1, seed=0, backend="deepmind_lab")


@pytest.mark.parametrize(
    ("missing", "fix"),
    [("dm_env", "pip install dm-env"), ("imp", "use Python 3.11"), ("pkg_resources", "'setuptools<81'")],
)
def test_an_import_of_upstreams_that_its_package_does_not_require_is_named_with_its_fix(module, missing, fix):
    module(f'raise ModuleNotFoundError("No module named {missing!r}")')
    assert fix in check_available(LEVEL, "deepmind_lab").fix


def test_taking_the_embedded_levels_for_a_broken_module_is_told(module, capsys):
    module(BROKEN["library"][0])
    env = make(LEVEL, 1, seed=0, threads=1)
    assert env.backend == f"rooms {__version__}"
    said = capsys.readouterr().err
    assert said.startswith(
        f"warning: {LEVEL} runs in rooms {__version__}: deepmind_lab is installed and cannot be used"
    )
    assert said.count("\n") == 1


def test_a_module_that_hangs_is_named(module, monkeypatch):
    module("import time; time.sleep(60)")
    monkeypatch.setattr(dmlab_probe, "TIMEOUT_S", 0.5)
    assert "it does not start within" in check_available(LEVEL, "deepmind_lab").reason


def test_a_warning_of_a_module_does_not_make_it_broken(module, capfd):
    module(
        "import types, warnings; warnings.warn('setuptools')\n"
        "def Lab(*more, **others): return types.SimpleNamespace(close=lambda: None)\n"
    )
    assert check_available(LEVEL, "deepmind_lab").ok
    assert capfd.readouterr().err == ""


@pytest.fixture
def simulator(stand_in, monkeypatch, tmp_path):
    """A simulator of `MAPS` in this process, which waits no time before it tries again."""
    monkeypatch.delitem(sys.modules, "deepmind_lab", raising=False)
    monkeypatch.setattr(dmlab_worker, "PAUSES_S", (0.0, 0.0, 0.0))
    frame = np.zeros(IMAGE_SHAPE, np.uint8)
    made = dmlab_worker.Simulator(frame, f"contributed/dmlab30/{MAPS}", {}, str(tmp_path), None)
    yield made
    made.close()
    sys.modules.pop("deepmind_lab", None)


def _fail(monkeypatch, times):
    """The next `times` maps fail to compile."""
    failed = importlib.import_module("deepmind_lab").failures
    monkeypatch.setenv("STAND_IN_FAILED_MAPS", str(failed + times))


@pytest.mark.parametrize("times", [1, 3])
def test_a_map_that_fails_to_compile_is_tried_again_with_the_same_seed(simulator, stand_in, monkeypatch, capsys, times):
    simulator.reset(np.random.SeedSequence(5))
    expected = simulator._frame.copy()
    _fail(monkeypatch, times)
    simulator.reset(np.random.SeedSequence(5))
    assert np.array_equal(simulator._frame, expected)
    (failures,), (resets,) = stand_in("failure"), stand_in("reset")
    assert [failure["seed"] for failure in failures] == [resets[-1]["seed"]] * times
    said = capsys.readouterr().err.splitlines()
    assert len(said) == times
    assert set(said) == {
        "warning: DeepMind Lab cannot begin an episode, trying again in 0 s: RuntimeError: Failed to compile map: "
        "q3map2 exited with status 1"
    }


def test_an_episode_within_a_run_begins_although_its_map_failed_once(simulator, monkeypatch):
    simulator.reset(np.random.SeedSequence(5))
    _fail(monkeypatch, 1)
    assert [simulator.step(0)[1] for _ in range(4)] == [False, False, True, False]


def test_a_map_that_always_fails_is_given_up(simulator, monkeypatch):
    _fail(monkeypatch, 4)
    with pytest.raises(RuntimeError, match="q3map2"):
        simulator.reset(np.random.SeedSequence(5))


def test_nothing_is_tried_again_when_the_owner_is_gone(simulator, stand_in, monkeypatch):
    _fail(monkeypatch, 1)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with pytest.raises(RuntimeError, match="q3map2"):
        simulator.reset(np.random.SeedSequence(5))


@pytest.mark.injects("a map of DeepMind Lab fails to compile", "an error in a reset", "the same episode is begun again")
def test_a_run_goes_on_after_a_failed_map(stand_in, monkeypatch, capfd, observed):
    monkeypatch.setenv("STAND_IN_FAILED_MAPS", "1")
    env = make(MAPS, 1, seed=3, backend="deepmind_lab")
    env.reset()
    env.step(np.zeros(1, int))
    env.close()
    assert "trying again in 1 s: RuntimeError: Failed to compile map" in capfd.readouterr().err
    observed("tried again after 1 s; given up after the fourth try")


def test_a_compiler_that_still_works_is_ended_with_its_simulator(stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_FIRE", "compile")
    monkeypatch.setattr(dmlab_pool, "GRACE_S", 0.1)
    env = make(LEVEL, 1, seed=3, backend="deepmind_lab")
    env.reset()
    monkeypatch.setattr(dmlab_pool, "ANSWER_S", 1.0)
    with pytest.raises(RuntimeError, match="no answer within 1 s"):
        env.step(np.array([8]))
    ((compiler,),) = stand_in("compiler")
    deadline = time.monotonic() + 10
    while _runs(compiler["pid"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
