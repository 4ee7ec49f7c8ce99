"""The time that is left, from estimates and from finished jobs."""

from __future__ import annotations

import pytest
from snakemake_logger_plugin_eta.time_left import PRIOR, TimeLeft, describe


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def left(clock):
    """1000 core seconds on two cores."""
    return TimeLeft(1000.0, cores=2, clock=clock)


def test_before_anything_is_done_it_is_the_estimate(left):
    assert left.seconds() == 500


def test_a_running_job_counts_with_what_is_left_of_it(left, clock):
    left.start(1, 100.0, cores=1)
    clock.now = 60.0
    assert left.seconds() == (1000 - 60) / 2
    clock.now = 600.0  # longer than estimated: all other jobs are still to come
    assert left.seconds() == 900 / 2


def test_jobs_that_take_as_long_as_estimated_change_nothing(left, clock):
    left.start(1, 100.0, cores=1)
    clock.now = 100.0
    left.finish(1)
    assert left.seconds() == pytest.approx(450)


def test_jobs_that_take_twice_as_long_make_the_rest_longer(left, clock):
    left.start(1, 100.0, cores=2)
    clock.now = 100.0
    left.finish(1)
    prior = PRIOR * 1000
    assert left.seconds() == pytest.approx(450 * (200 + prior) / (100 + prior))


def test_a_long_job_at_the_end_keeps_one_core_only(clock):
    left = TimeLeft(300.0, cores=4, clock=clock)
    left.start(1, 300.0, cores=1)
    clock.now = 20.0
    assert left.seconds() == 280


def test_a_failed_job_is_still_to_be_done(left, clock):
    left.start(1, 100.0, cores=1)
    clock.now = 60.0
    left.fail(1)
    assert left.seconds() == 500


def test_jobs_without_an_estimate_tell_nothing(left, clock):
    left.start(1, 0.0, cores=1)
    clock.now = 60.0
    left.finish(1)
    assert left.seconds() == 500


def test_nothing_is_left_where_nothing_was_estimated(clock):
    assert TimeLeft(0.0, cores=2, clock=clock).seconds() == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "5 s"), (42, "40 s"), (100, "2 min"), (5000, "83 min"), (11_000, "3 h 3 min")]
)
def test_times_are_told_as_people_do(seconds, text):
    assert describe(seconds) == text
