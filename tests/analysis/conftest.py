"""Synthetic results folders, empty or with every kind of run."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import cost_study
import pandas as pd
import pytest
from results_tree import Tree

from analysis import figures, tables
from analysis.load import Results, load


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty results folder named after the scale `laptop`."""
    return Tree(tmp_path / "laptop")


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Results]:
    """A results folder with the synthetic cost study alone, with other rows for the files that a call names."""

    def make(**changes: pd.DataFrame) -> Results:
        cost_study.write(tmp_path, **changes)
        return load(tmp_path)

    return make


@pytest.fixture(scope="session")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of `Tree.small`, shared: do not write into it."""
    return Tree(tmp_path_factory.mktemp("results") / "laptop").small().root


@pytest.fixture(scope="session")
def small(small_tree: Path) -> Results:
    """`Tree.small`, loaded."""
    return load(small_tree)


@pytest.fixture(scope="session")
def written(small_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`small_tree` with an unfinished run, environments that could not be run, tables and figures; do not change."""
    root = tmp_path_factory.mktemp("written") / "laptop"
    shutil.copytree(small_tree, root)
    seeds = root / "runs/reinforcement/breakout/rtrl/M50"
    shutil.copytree(seeds / "seed0", seeds / "seed9")
    (seeds / "seed9/run.json").unlink()
    rooms = [(name, "dmlab", "DMLab <is> absent", "wait") for name in ("rooms_watermaze", "rooms_keys_doors_puzzle")]
    Tree(root).missing(*rooms, ("seaquest", "atari", "no ROM", "get it"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tables.main(["--runs", str(root), "--out", str(root / "tables")]) == 0
        assert figures.main(["--runs", str(root), "--out", str(root / "figures")]) == 0
    return root


@pytest.fixture(scope="session")
def make_tree() -> Callable[[Path], Tree]:
    """A tree at a path of the test's choice."""
    return Tree
