"""The texts of `list` and `check`, and that a crashing simulator is reported and not suffered."""

from __future__ import annotations

import dataclasses
import importlib.util
import re

import pytest

from rtrl_bench.envs import listing, procgen
from rtrl_bench.envs.registry import ENVIRONMENTS, Availability, Backend, spec

CRASHING = """
import os
import gymnasium

class Crashing(gymnasium.Env):
    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return 0, {}
    def step(self, action):
        os.abort()

gymnasium.register("Crashing-v0", Crashing)
"""


@pytest.fixture(scope="module")
def listed():
    return listing.list_environments().splitlines()


def test_the_list_has_a_row_for_every_environment(listed):
    assert set(ENVIRONMENTS) <= {line.split()[0] for line in listed if line}


def test_the_list_shows_what_the_simulator_says(listed):
    rows = {line.split()[0]: line for line in listed if line}
    assert re.fullmatch(r"gravitar +atari +ale-py [\d.]+ +18 +4x84x84 +4 +27000 +yes", rows["gravitar"])
    lab = r"(rooms|deepmind_lab) [\d.]+"
    assert re.fullmatch(rf"rooms_watermaze +dmlab +{lab} +9 +3x72x96 +4 +1800 +yes", rows["rooms_watermaze"])


def test_the_list_names_the_families(listed):
    assert listed[-1].endswith("atari:<rom_name>, gymnasium:<id>, procgen:<game>")


def test_a_check_runs_every_environment_and_says_how_to_get_what_is_missing(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "deepmind_lab" else find(name))
    monkeypatch.setattr(procgen, "LIBRARIES", ("libnot-there.so.1",))
    text, ok = listing.check_environments(steps=2)
    assert "tmaze: runs (rtrl_bench" in text
    assert "breakout: runs (ale-py" in text
    assert (
        "chaser: does not run here: system libraries libnot-there.so.1 are missing\n    to get it: install them: apt"
        in text
    )
    assert re.search("rooms_watermaze: runs .(rooms|deepmind_lab) ", text)
    assert (
        "deepmind_lab, for rooms_keys_doors_puzzle, rooms_select_nonmatching_object, rooms_watermaze, is not here: "
        "Python package deepmind_lab is missing\n    to get it: the paper's numbers need the real simulator: " in text
    )
    assert not ok


def test_a_backend_that_lacks_something_is_told_once_and_fails_no_check_while_another_runs(monkeypatch):
    lab = Backend("lab", lambda spec: Availability(False, reason="no lab is here", fix="build one"), make=None)
    both = {n: dataclasses.replace(spec(n), backends=(lab, *spec(n).backends)) for n in ("delayed_match", "tmaze")}
    monkeypatch.setattr(listing, "ENVIRONMENTS", both)
    text, ok = listing.check_environments(steps=1)
    assert ok
    assert text.endswith(
        "1 steps taken)\nlab, for delayed_match, tmaze, is not here: no lab is here\n    to get it: build one"
    )


def test_a_crashing_simulator_is_reported_and_the_others_are_still_tried(tmp_path, monkeypatch):
    (tmp_path / "crashing_simulator.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    crashing = "gymnasium:crashing_simulator:Crashing-v0"
    found = listing.probe_all(["delayed_match", crashing, "tmaze"], steps=1)
    assert "ended with signal 6" in found[crashing]["error"]
    assert found["delayed_match"]["actions"] == found["tmaze"]["actions"] == "2"


def test_a_table_keeps_its_columns_aligned():
    text = listing.table(["a", "name"], [["long", "x"], ["s", ""]])
    assert text == "a     name\n----  ----\nlong  x\ns"
