"""Which analysis files a step depends on, and whether the workflow knows what the analysis writes."""

from __future__ import annotations

from workflow.scripts import sources
from workflow.scripts.sources import analysis_sources


def test_a_step_depends_on_what_it_imports_directly_and_indirectly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    for folder in ("templates", "kind"):
        (tmp_path / "analysis" / folder).mkdir(parents=True)
    files = {
        "__init__.py": "",
        "figures.py": "import json\nfrom analysis import panels\n",
        "panels.py": "def draw():\n    from analysis.load import load\n",
        "load.py": "import pandas\nfrom rtrl_bench.runs.settings import decisive\n",
        "tables.py": "import analysis.load\n",
        "kind/paper_values.csv": "",
        "templates/page.html": "",
    }
    (tmp_path / "rtrl_bench" / "runs").mkdir(parents=True)
    settings = tmp_path / "rtrl_bench" / "runs" / "settings.py"
    settings.write_text("import pydantic\nfrom rtrl_bench.errors import ConfigError\n")
    (tmp_path / "rtrl_bench" / "errors.py").write_text("")
    for name, text in files.items():
        (tmp_path / "analysis" / name).write_text(text)
    data = {"analysis/__init__.py", "analysis/kind/paper_values.csv", "analysis/templates/page.html"}
    loading = {"analysis/load.py", "rtrl_bench/runs/settings.py", "rtrl_bench/errors.py"}
    assert set(analysis_sources("figures")) == data | loading | {"analysis/figures.py", "analysis/panels.py"}
    assert set(analysis_sources("tables")) == data | loading | {"analysis/tables.py"}


def test_a_step_depends_on_the_files_of_every_kind_that_it_finds_in_their_folders():
    found = {step: set(analysis_sources(step)) for step in ("tables", "figures", "report")}
    assert "analysis/reinforcement/tables/scores.py" in found["tables"] - found["figures"]
    assert "analysis/costs/figures/largest_hidden.py" in found["figures"] - found["tables"]
    assert "analysis/costs/answer.py" in found["report"]
    assert found["report"] > found["tables"] | found["figures"] - {"analysis/report.py"}
    shared = {"analysis/reinforcement/load.py", "analysis/reinforcement/paper.py", "analysis/reinforcement/__init__.py"}
    assert all(shared < files for files in found.values())
    assert all("analysis/reinforcement/paper_values.csv" in files for files in found.values())


def test_the_replay_depends_on_the_modules_of_the_levels_and_on_the_recordings():
    found = sources.rooms_sources()
    package = sources.ROOT / "rtrl_bench/rooms"
    assert len([path for path in found if path.endswith(".py")]) == len(list(package.glob("*.py")))
    assert {path.rsplit("/", 1)[1] for path in found if path.endswith(".npz")} == {
        path.name for path in package.rglob("*.npz")
    }
    assert any(path.endswith("recordings/players.npz") for path in found)
