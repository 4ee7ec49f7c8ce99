"""What an installation needs: the bare one torch and numpy, and the extras together all that is imported."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_floors import imports, modules

import rtrl_bench

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Distributions by what is imported of them, where the names differ; None comes with another one.
NAMES = {"yaml": "pyyaml", "cv2": "opencv-python-headless", "ale_py": "ale-py", "PIL": "pillow", "procgen": None}
NAMES |= {"snakemake_interface_logger_plugins": "snakemake", "deepmind_lab": None}
NAMES |= {"sklearn": "scikit-learn", "markupsafe": None, "vl_convert": "vl-convert-python", "gym_notices": None}


def distributions(requirements):
    """The names of what is required, those of the extras that are named in it too."""
    found = set()
    for requirement in requirements:
        name, extras = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()
        if name == "rtrl-bench":
            found |= distributions(part for extra in extras.split(",") for part in EXTRAS[extra])
        else:
            found.add(name)
    return found


def test_the_bare_package_asks_for_torch_and_numpy_alone():
    assert distributions(PROJECT["dependencies"]) == {"torch", "numpy"}


def test_there_is_an_extra_for_each_suite_and_one_for_all():
    assert {"atari", "procgen", "rooms", "workflow", "all", "dev"} <= EXTRAS.keys()
    for extra in ("run", "atari", "procgen", "rooms", "digits", "costs", "report", "workflow"):
        assert distributions(EXTRAS[extra]) <= distributions(EXTRAS["all"])


@pytest.mark.parametrize(
    ("package", "extras"),
    [
        ("rtrl_bench/runs", ["run"]),
        ("rtrl_bench/rooms", ["rooms", "all"]),
        ("rtrl_bench/experiments/sequences", ["digits"]),
        ("rtrl_bench/experiments/costs", ["costs"]),
        ("analysis", ["report"]),
        ("workflow/scripts", ["workflow"]),
        ("rtrl_bench", ["all", "tensorboard"]),
    ],
)
def test_what_is_imported_is_in_an_extra(package, extras):
    there = {"torch", "numpy", "triton"}.union(*(distributions(EXTRAS[extra]) for extra in extras))
    ours = {"rtrl_bench", "analysis", "workflow", *sys.stdlib_module_names}
    for path in modules(package).values():
        tops = {name.partition(".")[0] for name in imports(path)} - ours
        wanted = {NAMES.get(top, top) for top in tops} - {None}
        assert wanted <= there | {"tensorboard"}, path


def test_a_command_of_a_bare_installation_says_what_is_missing():
    code = "import runpy, sys; sys.modules['pydantic'] = None; runpy.run_module('rtrl_bench', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == 'rtrl-bench: Python package pydantic is missing: pip install "rtrl-bench[run]", or [all]\n'


def test_the_package_shows_its_public_names():
    assert dir(rtrl_bench) == ["Carry", "ElementwiseCell", "RecurrentStack", "RunConfig", "__version__"]
    assert all(getattr(rtrl_bench, name) for name in dir(rtrl_bench))
