"""docs/environments.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from rtrl_bench.envs.gymnasium_ids import VIEW
from rtrl_bench.envs.gymnasium_packages import PACKAGES
from rtrl_bench.envs.gymnasium_spaces import CHANNELS, LAYOUTS
from rtrl_bench.experiments.reinforcement.agents import check_choices
from rtrl_bench.experiments.reinforcement.config import load

PAGE = (Path(__file__).parent.parent / "docs" / "environments.md").read_text(encoding="utf-8")


def test_the_example_is_a_valid_configuration(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(re.search(r"<!-- tested: run.yaml -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    check_choices(load(path))


def test_it_names_the_options_the_layouts_and_the_packages_that_there_are():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == ["max_episode_steps", *VIEW]
    modules = {package.module.partition(".")[0] for package in PACKAGES.values()}
    assert all(f"`{name}`" in PAGE for name in (*LAYOUTS, *modules))
    assert CHANNELS == 4
    assert "at most four entries" in PAGE
