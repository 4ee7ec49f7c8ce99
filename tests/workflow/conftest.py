"""A copy of the workflow with stubs for training and analysis, run once; tests change a copy of the result."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from small_scales import ENDS_SOON, SETTINGS

from workflow.scripts import scales

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
STUBS = Path(__file__).parent / "stubs"
INNER = {"run", "run_seed0_seed1", "input_file", "scale", "film"}  # steps that tests look at in another way


@dataclass(frozen=True)
class Project:
    """A project folder in which Snakemake can be called."""

    root: Path

    def snakemake(self, *words: str, alone: bool = False) -> subprocess.CompletedProcess[str]:
        """One call with scale tiny, `alone` as make calls it; words that contain `=` set configuration keys."""
        command = ["workflow/scripts/alone.sh", SNAKEMAKE, *_command(words)[3:]] if alone else _command(words)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=600)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """The same without waiting for it, in a process group of its own."""
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(_command(words), cwd=self.root, stdout=nowhere, stderr=nowhere, start_new_session=True)

    def planned(self, *words: str) -> tuple[set[str], set[str]]:
        """What a dry run would do: the steps besides runs, and the folders of the runs."""
        done = self.snakemake("-n", *words)
        assert done.returncode == 0, done.stderr
        output = done.stdout + done.stderr
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", output, re.S | re.M)
        steps = {line.split()[0] for line in table[1].splitlines()} if table else set()
        return steps - INNER, set(re.findall(r"^Job \d+: run (\S+)", output, re.M))


def _command(words: tuple[str, ...]) -> list[str]:
    settings = {"scale": "tiny"} | dict(word.split("=") for word in words if "=" in word)
    flags = [word for word in words if "=" not in word]
    config = [f"{key}={value}" for key, value in settings.items()]
    return [sys.executable, "-m", "snakemake", "--cores", "2", ENDS_SOON, *flags, "--config", *config]


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """The project after `snakemake all`, and what that printed."""
    root = tmp_path_factory.mktemp("first") / "project"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow", root / "workflow", ignore=ignore)
    shutil.copytree(ROOT / "rtrl_bench", root / "rtrl_bench", ignore=ignore)
    shutil.copytree(ROOT / "profiles", root / "profiles")
    shutil.copy(ROOT / "Snakefile", root)
    shutil.copy(STUBS / "tiny.yaml", root / "workflow/config")
    shutil.copy(STUBS / "environments.py", root / "rtrl_bench/envs/letters.py")
    shutil.copy(STUBS / "harness.py", root / "rtrl_bench/__main__.py")
    shutil.copytree(ROOT / "analysis", root / "analysis", ignore=ignore)
    (root / "analysis/shared.py").touch()
    for name in ("tables", "figures", "report"):
        shutil.copy(STUBS / "analysis_step.py", root / f"analysis/{name}.py")
    project = Project(root)
    done = project.snakemake("all")
    assert done.returncode == 0, done.stderr
    return project, done


@pytest.fixture
def project(first_run: tuple[Project, subprocess.CompletedProcess[str]], tmp_path: Path) -> Project:
    """A finished project of the test's own."""
    root = tmp_path / "project"
    shutil.copytree(first_run[0].root, root)
    return Project(root)


@pytest.fixture
def expand(tmp_path, monkeypatch):
    """Load a scale given as a dictionary, the way a file of workflow/config is loaded."""
    monkeypatch.setattr(scales, "CONFIG_FOLDER", tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))

    def load_given(values, **settings):
        (tmp_path / "given.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        return scales.load_scale({"scale": "given", "results": str(tmp_path / "results")} | settings)

    return load_given
