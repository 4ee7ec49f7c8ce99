"""What the README shows works as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import torch

from rtrl_bench.config import load
from rtrl_bench.training.run import check_choices

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(name):
    """The fenced block behind the comment `<!-- tested: name -->`."""
    return re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def test_the_library_example_trains():
    torch.manual_seed(0)
    code = block("library")
    first: dict = {}
    exec(code.replace("range(200)", "range(1)"), first)
    torch.manual_seed(0)
    last: dict = {}
    exec(code, last)
    assert last["loss"] < 0.8 * first["loss"]
    assert last["carry"].traces["weight"].abs().sum() > 0


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
    shown = set(re.findall(r"python -m rtrl_bench (\S+)", README))
    help_text = subprocess.check_output([sys.executable, "-m", "rtrl_bench", "--help"], text=True)
    assert all(command in help_text for command in shown)
