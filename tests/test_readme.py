"""What README.md and docs/running.md show works as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
from small_runs import config

from rtrl_bench import cli
from rtrl_bench.cells import CELLS
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.agents import check_choices
from rtrl_bench.experiments.reinforcement.config import load
from rtrl_bench.gradients import GRADIENTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNNING = (ROOT / "docs/running.md").read_text(encoding="utf-8")


def block(page, name):
    """The fenced block behind the comment `<!-- tested: name -->`."""
    return re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.*?)```", page, re.DOTALL).group(1)


def final_loss(code):
    torch.manual_seed(0)
    names: dict = {}
    exec(
        code.replace("    optimiser.step()", "    optimiser.step()\n    losses.append(loss.item())"),
        names | {"losses": (losses := [])},
    )
    return sum(losses[-50:]) / 50


def test_the_library_example_learns_and_rtrl_makes_the_difference():
    code = block(README, "library")
    exact, truncated = final_loss(code), final_loss(code.replace('gradient="rtrl"', 'gradient="tbptt"'))
    assert exact < 0.01
    assert truncated > 3 * exact


def test_the_run_example_is_a_valid_configuration(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(block(RUNNING, "run.yaml"))
    check_choices(load(path))


def test_the_trained_agent_plays_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    execute(config(env_steps=200), tmp_path / "my_run")
    names: dict = {}
    exec(block(RUNNING, "agent"), names)
    assert len(names["states"]) == 100
    assert names["states"][0].shape == names["network"].core.zero_state(4).shape
    assert not names["states"][1].equal(names["states"][2])


def test_the_first_screen_has_exactly_the_two_commands():
    commands = re.findall(r"^make \w+", "\n".join(README.splitlines()[:24]), re.MULTILINE)
    assert commands == ["make reproduce", "make test"]


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_linked_files_exist(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"", (ROOT / page).read_text(encoding="utf-8")):
        assert (folder / "".join(target)).exists(), target


def test_every_command_that_is_shown_is_accepted():
    shown = re.findall(r"^python -m rtrl_bench (.*)$", README + RUNNING, re.MULTILINE)
    assert len(shown) > 4
    for command in shown:
        assert cli._parser().parse_args(shlex.split(command, comments=True))


def test_the_run_that_is_shown_is_the_example_of_the_commands_help():
    assert f"\npython -m rtrl_bench train {cli.EXAMPLES['train'][-1]}\n" in README


def test_the_sentence_about_cost_is_that_of_the_table():
    ratios = [float(ratio) for ratio in re.findall(r"^\| (?:256|512) \| [\w, ]+ \| ([\d.]+) \|", README, re.MULTILINE)]
    assert f"takes {min(ratios):.1f} to {max(ratios):.1f} times as long as our own TBPTT" in README


def test_the_page_of_cells_has_every_cell():
    page = (ROOT / "docs/cells.md").read_text(encoding="utf-8")
    assert set(CELLS) == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_readme_names_every_cell_and_method():
    assert {*CELLS, *GRADIENTS} <= set(re.findall(r"`(\w+)`", README))


def near(shown: tuple[str, ...], found: tuple[str, ...]) -> bool:
    """Whether `found` is `shown` once it is rounded to as many digits."""
    return all(f"{float(y):.{len(x.partition('.')[2])}f}" == x for x, y in zip(shown, found, strict=True))


def test_scores_and_intervals_of_the_claims_are_those_of_the_reference_reports():
    claims = README[README.index("## What it found") : README.index("## What a segment costs")]
    claims += (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    reports = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "results/reference").glob("*/report/*.md"))
    number = r"(-?\d+(?:\.\d+)?)"
    for pattern in (f"{number} against {number}", rf"{number} \[{number}, {number}\]"):
        said, known = (re.findall(pattern, page) for page in (claims, reports))
        assert len(said) > 3
        for shown in said:
            assert any(near(shown, found) for found in known), shown
