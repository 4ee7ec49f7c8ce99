"""The texts of `list` and `check`, and that a crashing simulator is reported and not suffered."""

from __future__ import annotations

import re

import pytest

from rtrl_bench.envs import dmlab, listing, procgen, registry
from rtrl_bench.envs.registry import ENVIRONMENTS

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


def test_the_list_shows_what_the_simulator_says_and_what_does_not_run_here(listed):
    rows = {line.split()[0]: line for line in listed if line}
    assert re.fullmatch(r"gravitar +atari +ale-py [\d.]+ +18 +4x84x84 +4 +27000 +yes", rows["gravitar"])
    assert rows["rooms_watermaze"].endswith("no: the DMLab suite is not part of this version")


def test_the_list_names_the_families(listed):
    assert listed[-1].endswith("atari:<rom_name>, gymnasium:<id>, procgen:<game>")


def test_a_check_runs_every_environment_and_says_how_to_get_what_is_missing(monkeypatch):
    monkeypatch.setattr(procgen, "LIBRARIES", ("libnot-there.so.1",))
    text, ok = listing.check_environments(steps=2)
    assert "tmaze: runs (rtrl_bench" in text
    assert "breakout: runs (ale-py" in text
    assert (
        "chaser: does not run here: system libraries libnot-there.so.1 are missing\n    to get it: install them: apt"
        in text
    )
    assert f"rooms_watermaze: does not run here: {dmlab.MISSING.reason}\n    to get it: {dmlab.MISSING.fix}" in text
    assert not ok


def test_a_suite_that_is_not_part_of_this_version_does_not_fail_the_check(monkeypatch):
    monkeypatch.setattr(listing, "ENVIRONMENTS", {name: registry.spec(name) for name in ("tmaze", "rooms_watermaze")})
    assert listing.check_environments(steps=1)[1]


def test_a_crashing_simulator_is_reported_and_the_others_are_still_tried(tmp_path, monkeypatch):
    (tmp_path / "crashing_simulator.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    crashing = "gymnasium:crashing_simulator:Crashing-v0"
    found = listing.probe_all(["delayed_match", crashing, "tmaze"], steps=1)
    assert "ended with signal 6" in found[crashing]["error"]
    assert found["delayed_match"]["actions"] == found["tmaze"]["actions"] == 2


def test_a_table_keeps_its_columns_aligned():
    text = listing.table(["a", "name"], [["long", "x"], ["s", ""]])
    assert text == "a     name\n----  ----\nlong  x\ns"
