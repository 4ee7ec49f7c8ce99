"""What the README shows works as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import torch

from rtrl_bench.experiments.reinforcement.checks import check_choices
from rtrl_bench.experiments.reinforcement.config import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(name):
    """The fenced block behind the comment `<!-- tested: name -->`."""
    return re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def final_loss(code):
    torch.manual_seed(0)
    names: dict = {}
    exec(
        code.replace("    optimiser.step()", "    optimiser.step()\n    losses.append(loss.item())"),
        names | {"losses": (losses := [])},
    )
    return sum(losses[-50:]) / 50


def test_the_library_example_learns_and_rtrl_makes_the_difference():
    code = block("library")
    exact, truncated = final_loss(code), final_loss(code.replace('gradient="rtrl"', 'gradient="tbptt"'))
    assert exact < 0.01
    assert truncated > 3 * exact


def test_the_run_example_is_a_valid_configuration(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(block("run.yaml"))
    check_choices(load(path))


def test_the_first_screen_has_exactly_the_two_commands():
    commands = re.findall(r"^make \w+", "\n".join(README.splitlines()[:24]), re.MULTILINE)
    assert commands == ["make reproduce", "make test"]


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_command_of_the_readme_is_one():
    shown = set(re.findall(r"python -m rtrl_bench ([\w-]+)", README))
    help_text = subprocess.check_output([sys.executable, "-m", "rtrl_bench", "--help"], text=True)
    assert all(command in help_text for command in shown)
