"""A small scale for tests, as the dictionary that a file of workflow/config holds."""

from __future__ import annotations

from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts import scales

# Snakemake else ends up to ten seconds late, as profiles/default says.
ENDS_SOON = "--max-jobs-per-timespan=1000/1s"
SETTINGS = load_yaml(scales.CONFIG_FOLDER / "config.yaml")


def small_scale(**changes):
    """A small valid scale; `study` changes the keys of its only study but for the further ones in `studies`."""
    study = {"environments": {"tmaze": None}, "methods": ["tbptt", "rtrl"], "unroll": [5]}
    study |= changes.pop("study", {})
    return {
        "label": "test",
        "seeds": [0, 1],
        "resources": {"mem_mb": 100, "runtime": 1},
        "run": {"env_steps": 1000, "optimiser": {"epsilon": 1.0e-5}},
        "studies": {"memory": study} | changes.pop("studies", {}),
    } | changes


def folders(scale):
    return [run.folder.relative_to(scale.folder).as_posix() for run in scale.runs]


def copy_task(**changes):
    """A scale with a small copy task, valid but for the changes."""
    task = {"kind": "sequences", "tasks": {"copy": None}, "methods": {"rtrl": None}}
    return {"studies": {"copy": task | {"run": {"steps": 9, "hidden": 4}} | changes}}
