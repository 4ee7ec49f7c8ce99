"""The files of docs/extending.md work as they are printed; each is found because it is in its folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import config

from rtrl_bench.experiments import execute

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"<!-- tested: (\w+/[\w.]+|[\w.]+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))
PLUGIN = """
import importlib, pathlib
packages = {name: f"rtrl_bench.{name}" for name in ("cells", "gradients", "envs")}
packages["figures"] = "analysis.reinforcement.figures"
packages["tasks"] = "rtrl_bench.experiments.sequences.tasks"
for name, package in packages.items():
    importlib.import_module(package).__path__.append(str(pathlib.Path(__file__).parent / name))
"""
TRAIN = """
import sys, extended
from rtrl_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""
DRAW = """
import sys, extended
from analysis import figures
sys.exit(figures.main(sys.argv[1:]))
"""
ONE_STEP = """
import extended, torch
from rtrl_bench import RecurrentStack
torch.manual_seed(0)
x, starts, v = torch.randn(12, 3, 4).double(), torch.rand(12, 3) < 0.2, torch.randn(12, 3, 5).double()
gradients = []
for method, unroll in (("one_step", 4), ("tbptt", 1)):
    torch.manual_seed(1)
    stack = RecurrentStack(4, 5, 2, gradient=method).double()
    carry = stack.begin(3)
    for s in range(0, 12, unroll):
        h, carry = stack(x[s : s + unroll], starts[s : s + unroll], carry)
        (h * v[s : s + unroll]).sum().backward()
    gradients.append(torch.cat([p.grad.flatten() for p in stack.parameters()]))
error = (gradients[0] - gradients[1]).norm() / gradients[1].norm()
assert error < 1e-10, error
"""
PARITY = """
import extended, numpy
from rtrl_bench.experiments.sequences.tasks import make_task
data = make_task("parity", {"length": 9}).draw([50], numpy.random.default_rng(0))[0]
for x, y, asked, steps in zip(*data):
    assert asked.tolist() == [True] * steps + [False] * (9 - steps)
    assert y[:steps, 0].tolist() == [int(x[: t + 1].sum()) % 2 for t in range(steps)]
assert set(data.lengths) == set(range(1, 10)) and data.x.any()
"""


@pytest.fixture
def extended(tmp_path):
    """A folder that a Python of its own takes the files from, as if they lay in the package; how to run that."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (tmp_path / "extended.py").write_text(PLUGIN)

    def run(*words):
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def train(extended, tmp_path, *settings):
    config = tmp_path / "run.yaml"
    common = ["vision: flat", "hidden: 8", "unroll: 5", "batch: 4", "device: cpu", "threads: 1", "env_steps: 200"]
    config.write_text("\n".join([*common, "evaluation: { sets: 2, episodes: 2 }", *settings]))
    extended("-c", TRAIN, "train", "--config", str(config), "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "run.json").exists()


def test_the_exactness_tests_find_the_cell_by_themselves(extended):
    said = extended(
        *("-m", "pytest", "-q", "-p", "extended", "-p", "no:cacheprovider"),
        *("-k", "Integrator-rtrl-2 or partials and Integrator"),
        *("tests/gradients/test_exactness.py", "tests/cells/test_derivatives.py"),
    )
    assert re.search(r"[1-9]\d* passed", said) or "100%" in said
    assert "Integrator" not in said


def test_the_cell_trains(extended, tmp_path):
    train(extended, tmp_path, "environment: tmaze", "cell: integrator", "gradient: rtrl")


def test_the_method_is_what_it_says(extended):
    extended("-c", ONE_STEP)


def test_the_method_and_the_environment_train(extended, tmp_path):
    options = "environment_options: { pulls: 7 }"
    train(extended, tmp_path, "environment: two_levers", options, "gradient: one_step", "layers: 2")
    assert '"backend": "two_levers 1"' in (tmp_path / "out" / "run.json").read_text()


def test_the_environment_and_the_sequence_task_are_listed(extended):
    said = extended("-c", TRAIN, "list")
    assert "two_levers" in said
    assert re.search("^parity +Parity: after each bit", said, re.MULTILINE)


def test_the_sequence_tasks_tests_find_the_task_by_themselves(extended):
    said = extended(
        *("-m", "pytest", "-q", "-p", "extended", "-p", "no:cacheprovider", "-k", "sizes and parity"),
        "tests/experiments/sequences/test_sequence_tasks.py",
    )
    assert "1 passed" in said or "100%" in said


def test_the_sequence_task_is_what_it_says_and_trains(extended, tmp_path):
    words = "kind=sequences task=parity task_options.length=6 hidden=8 batch=4 steps=20 train_size=50 valid_size=5"
    words += f" test_size=5 device=cpu threads=1 --out {tmp_path / 'out'}"
    extended("-c", PARITY + TRAIN, "run", "--set", *words.split())
    assert json.loads((tmp_path / "out" / "run.json").read_text())["task_options"] == {"length": 6}


def test_the_figure_is_drawn(extended, tmp_path):
    for gradient in ("rtrl", "tbptt"):
        execute(config(gradient=gradient), tmp_path / "results/runs" / gradient)
    extended("-c", DRAW, "--runs", str(tmp_path / "results"), "--out", str(tmp_path / "figures"))
    header, *rows = (tmp_path / "figures/steady.csv").read_text().splitlines()
    assert header == "suite,method,seed,score,score_std_over_sets"
    assert [row.split(",")[1] for row in rows] == ["RTRL", "TBPTT"]
    assert (tmp_path / "figures/steady.png").stat().st_size > 10_000
