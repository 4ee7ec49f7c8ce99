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


@pytest.mark.parametrize(
    ("total", "done", "more", "said"),
    [
        (10_000, 4000, 1000, "5,000/10,000 steps, 50/s, ETA 100 s"),  # the rate is that of this process
        (100, 0, 3, "3/100 steps, 0.15/s, ETA 647 s"),
        (100, 50, 0, "50/100 steps"),
    ],
)
def test_a_line_has_what_is_done_and_once_it_is_known_the_rate_and_the_time_left(
    clock, capsys, total, done, more, said
):
    work = Progress("copy", total, done=done)
    clock[0] = 20.0
    work.advance(more, "accuracy 0.5")
    assert capsys.readouterr().err == f"copy: {said}  accuracy 0.5\n"


def test_lines_are_at_least_their_time_apart(clock, capsys):
    work = Progress("copy", 100)
    for second in range(int(3 * LOG_EVERY_S)):
        clock[0] = float(second)
        work.advance(1)
    assert capsys.readouterr().err.count("\n") == 2
