"""docs/environments.md says what is so."""

from __future__ import annotations

import hashlib
import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from small_runs import config, interrupt

from rtrl_bench.envs.gymnasium_ids import VIEW
from rtrl_bench.envs.gymnasium_packages import PACKAGES
from rtrl_bench.envs.gymnasium_spaces import CHANNELS, LAYOUTS
from rtrl_bench.envs.registry import chosen_backend, make
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.agents import check_choices
from rtrl_bench.experiments.reinforcement.config import load
from rtrl_bench.runs import records

PAGE = (Path(__file__).parent.parent / "docs" / "environments.md").read_text(encoding="utf-8")


def test_the_example_is_a_valid_configuration(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(re.search(r"<!-- tested: run.yaml -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    check_choices(load(path))


def test_the_environment_of_your_own_runs(tmp_path, monkeypatch):
    text = re.search(r"<!-- tested: my_envs.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "my_envs.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    env = make("gymnasium:my_envs:Cue-v0", num_envs=2, seed=0, options={"delay": 1})
    try:
        cues, _ = env.reset()
        env.step(np.zeros(2, int))
        answers = (cues[:, 0] > 0).astype(int)
        _, rewards, ends, _, _ = env.step(answers)
        assert rewards.tolist() == [1.0, 1.0]
        assert ends.all()
    finally:
        env.close()
    packages = chosen_backend("gymnasium:my_envs:Cue-v0").packages
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert records.versions(packages=packages)["my_envs"] == f"source {digest}"


def test_a_run_that_goes_on_with_an_edited_environment_says_so(tmp_path, monkeypatch, capsys):
    module = tmp_path / "edited_envs.py"
    text = re.search(r"<!-- tested: my_envs.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]
    module.write_text(text.replace("Cue-v0", "Edited-v0"))
    monkeypatch.syspath_prepend(tmp_path)
    agent = config(environment="gymnasium:edited_envs:Edited-v0", environment_options={})
    interrupt(agent, tmp_path / "run", monkeypatch, 3)
    module.write_text(module.read_text() + "# edited\n")
    record = execute(agent, tmp_path / "run")
    assert (
        "(this simulator cannot be restored) and another device, other threads or other versions,"
        in capsys.readouterr().err
    )
    assert len({process["versions"]["edited_envs"] for process in record["processes"]}) == 2


@pytest.mark.parametrize("init", [True, False])
def test_the_source_of_a_package_is_all_its_files(tmp_path, monkeypatch, init):
    name = f"some_package_{init}"
    (tmp_path / name).mkdir()
    for file in ["__init__.py"] * init + ["envs.py"]:
        (tmp_path / name / file).write_text("one = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(name)
    before = records.versions(packages=(name,))[name]
    (tmp_path / name / "envs.py").write_text("one = 2\n")
    assert records.versions(packages=(name,))[name] != before


def test_it_names_the_options_the_layouts_and_the_packages_that_there_are():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == ["max_episode_steps", *VIEW]
    modules = {package.module.partition(".")[0] for package in PACKAGES.values()}
    assert all(f"`{name}`" in PAGE for name in (*LAYOUTS, *modules))
    assert CHANNELS == 4
    assert "at most four entries" in PAGE
