"""What long work says in a log, by a clock that the tests move."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtrl_bench.runs import progress
from rtrl_bench.runs.progress import LOG_EVERY_S, Progress


@pytest.fixture
def clock(monkeypatch):
    """now[0]: the seconds that it shows."""
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_line_has_what_is_done_the_rate_and_the_time_left_of_this_process(clock, capsys):
    work = Progress("copy", 10_000, done=4000)
    clock[0] = 20.0
    work.advance(1000, "accuracy 0.5")
    assert capsys.readouterr().err == "copy: 5,000/10,000 steps, 50/s, ETA 100 s  accuracy 0.5\n"


def test_a_slow_rate_has_two_digits(clock, capsys):
    work = Progress("copy", 100)
    clock[0] = 20.0
    work.advance(3)
    assert capsys.readouterr().err == "copy: 3/100 steps, 0.15/s, ETA 647 s\n"


def test_before_anything_is_done_there_is_neither_rate_nor_time_left(clock, capsys):
    work = Progress("copy", 100, done=50)
    clock[0] = 20.0
    work.advance(0, "waiting")
    assert capsys.readouterr().err == "copy: 50/100 steps  waiting\n"


def test_lines_are_at_least_their_time_apart(clock, capsys):
    work = Progress("copy", 100)
    for second in range(int(3 * LOG_EVERY_S)):
        clock[0] = float(second)
        work.advance(1)
    assert capsys.readouterr().err.count("\n") == 2
