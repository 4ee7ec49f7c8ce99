"""A run that takes longer than a queue allows one job: stopped in time, and submitted again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_scales import small_scale

from workflow.scripts.jobs import Job, retries

RULES = Path(__file__).parents[2] / "workflow/rules"


def job(runtime, time_limit):
    return Job(mem_mb=100, runtime=runtime, threads=1, gres="", time_limit=time_limit)


def test_without_a_time_limit_a_run_is_never_stopped():
    assert (job(600, None).minutes, job(600, None).stop_s, retries([job(600, None)])) == (600, 0, None)


@pytest.mark.parametrize(("runtime", "limit", "minutes"), [(600, 60, 60), (30, 60, 30)])
def test_a_job_asks_for_its_runtime_within_the_limit(runtime, limit, minutes):
    assert job(runtime, limit).minutes == minutes


@pytest.mark.parametrize(("limit", "stop_s"), [(1440, 1435 * 60), (60, 55 * 60), (10, 300), (1, 30)])
def test_a_job_is_stopped_five_minutes_before_its_end_or_half_way(limit, stop_s):
    assert job(20_000, limit).stop_s == stop_s


def test_there_are_as_many_jobs_as_give_the_longest_run_its_time():
    jobs = [job(10, 60), job(110, 60), job(111, 60)]
    assert [one.parts for one in jobs] == [2, 2, 3]
    assert retries(jobs) == 2


@pytest.mark.parametrize(("limit", "minutes"), [(None, 30), (60, 30), (7, 7)])
def test_a_job_that_is_no_run_asks_for_half_an_hour_within_the_limit(expand, limit, minutes):
    assert expand(small_scale(), time_limit=limit).minutes == minutes


def test_every_rule_asks_for_time_within_the_limit():
    rules = [
        rule
        for path in RULES.glob("*.smk")
        for rule in re.split(r"^ *rule\b", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    ]
    ways = ("**SMALL", "runtime=lambda wildcards: job_of(wildcards).minutes", "localrule: True")
    assert [sum(way in rule for way in ways) for rule in rules] == [1] * len(rules)
    assert "runtime=SCALE.minutes" in (RULES / "common.smk").read_text(encoding="utf-8")


def test_a_run_that_stopped_in_time_is_started_again(project):
    harness = project.root / "rtrl_bench/__main__.py"
    stops_once = """
import sys
from pathlib import Path
assert "--stop-after=30" in sys.argv
if not Path("stopped").exists():
    Path("stopped").touch()
    sys.exit(142)
"""
    harness.write_text(stops_once + harness.read_text())
    record = project.root / "results/tiny/runs/reinforcement/beta/rtrl/M5/seed0/run.json"
    record.unlink()
    done = project.snakemake("beta", "time_limit=1")
    assert done.returncode == 0, done.stderr
    assert record.exists()
