"""What both simulators of the DMLab levels share, and that it costs nothing to read."""

from __future__ import annotations

import subprocess
import sys

from rtrl_bench.envs import dmlab, dmlab_worker
from rtrl_bench.envs.registry import ENVIRONMENTS
from rtrl_bench.rooms import dmlab_levels

HEAVY = ("torch", "numba", "deepmind_lab", "rtrl_bench.envs.dmlab", "rtrl_bench.rooms.compiled")


def _loaded_by(module, names):
    code = f"import sys, {module}; print(*[name for name in {names} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_levels_last_as_long_as_the_simulators_in_steps_of_four_frames():
    levels = [ENVIRONMENTS[name] for name in ENVIRONMENTS if ENVIRONMENTS[name].suite == "dmlab"]
    assert {level.name: level.episode_limit for level in levels} == {
        "rooms_select_nonmatching_object": 180,
        "rooms_watermaze": 1800,
        "rooms_keys_doors_puzzle": 900,
    }
    assert {level.frames_per_step for level in levels} == {4}


def test_the_simulators_process_has_no_actions_and_no_image_shape_of_its_own():
    for module in (dmlab, dmlab_worker):
        assert module.ACTIONS is dmlab_levels.ACTIONS
        assert module.IMAGE_SHAPE is dmlab_levels.IMAGE_SHAPE


def test_a_simulators_process_loads_no_library_that_it_does_not_use():
    assert _loaded_by("rtrl_bench.envs.dmlab_worker", ("numpy", *HEAVY)) == ["numpy"]
    assert _loaded_by("rtrl_bench.rooms.dmlab_levels", HEAVY) == []
