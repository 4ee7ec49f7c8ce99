"""The cosine of TBPTT's gradient to the exact one at several M, on the rollout of one agent."""

from __future__ import annotations

import csv
from statistics import fmean

import pytest
from small_runs import config, interrupt

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute
from rtrl_bench.runs.settings import fingerprint_of, to_dict

CUT = {"points": 100, "unrolls": [5, 10, 30]}
SLOTS = 4


def rows(path):
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(path.open())]


def test_cosines_at_every_M_are_those_that_full_bptt_finds_in_runs_with_that_M(tmp_path):
    still = {"optimiser": {"learning_rate": 1e-12}, "environment_options": {"delay": 12}, "env_steps": 90 * SLOTS}
    execute(config(**still, unroll=15, truncation=CUT), tmp_path)
    found = rows(tmp_path / "truncation.csv")
    for unroll in CUT["unrolls"]:
        own = config(**still, unroll=unroll, gradient="tbptt", gradient_quality=100)
        execute(own, tmp_path / str(unroll))
        exact = rows(tmp_path / str(unroll) / "gradient.csv")
        for last in (30, 60, 90):  # the segments of these thirty steps are the same in both runs
            (row,) = [r for r in found if r["unroll"] == unroll and r["env_steps"] / SLOTS + 15 == last]
            expected = [r for r in exact if last - 30 <= r["env_steps"] / SLOTS < last]
            assert row["segments"] == len(expected) == 30 // unroll
            for name in ("cosine", "norm_ratio"):
                assert row[name] == pytest.approx(fmean(r[name] for r in expected), abs=1e-5)
        assert unroll == 30 or min(r["cosine"] for r in exact) < 0.96  # there is something to be seen


def test_a_resumed_run_compares_what_a_whole_one_does(tmp_path, monkeypatch):
    settings = config(environment_options={"delay": 12}, truncation=CUT)
    execute(settings, tmp_path / "whole")
    interrupt(settings, tmp_path / "cut", monkeypatch, 11)
    execute(settings, tmp_path / "cut")
    whole = (tmp_path / "whole" / "truncation.csv").read_text()
    assert (tmp_path / "cut" / "truncation.csv").read_text() == whole
    assert len(whole.splitlines()) > 30


@pytest.mark.parametrize("wrong", [{"cell": "none"}, {"cell": "lstm"}, {"gradient": "columnar", "layers": 2}])
def test_networks_without_an_exact_gradient_by_rtrl_are_refused(tmp_path, wrong):
    settings = config(**{"gradient": "tbptt", **wrong}, truncation=CUT)
    with pytest.raises(ConfigError, match=r"truncation: .*set truncation: null"):
        execute(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_without_it_has_the_fingerprint_that_it_had_before_there_was_such_a_setting():
    before = {key: value for key, value in to_dict(config()).items() if key != "truncation"}
    assert fingerprint_of(before) == config().fingerprint() != config(truncation=CUT).fingerprint()
