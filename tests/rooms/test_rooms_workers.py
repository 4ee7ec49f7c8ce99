"""As many threads work as pay, and whatever one of them does is waited for."""

import threading
import time

import pytest

from rtrl_bench.rooms import workers
from rtrl_bench.rooms.workers import TRIES, Workers


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (1, 4), (7, 1), (7, 3), (8, 16)])
def test_every_slot_is_in_one_share_whatever_the_number_of_threads(count, threads):
    team = Workers(count, threads)
    for _ in range(5 * TRIES + 1):
        done = [0] * count

        def work(low, high, done=done):
            for slot in range(low, high):
                done[slot] += 1

        team(work)
        assert done == [1] * count
    team.close()
    assert 1 <= team.number <= min(count, threads)


def test_the_fastest_number_of_threads_stays(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(workers.time, "perf_counter", lambda: now[0])
    takes = {8: 4.0, 4: 2.0, 2: 3.0}  # seconds, by the slots of a share
    shares = []

    def work(low, high):
        if low == 0:
            now[0] += takes[high]
            shares.append(high)

    team = Workers(8, 4)
    for _ in range(3 * TRIES + 2):
        team(work)
    team.close()
    assert team.number == 2
    assert shares[:4] == [8, 4, 2, 8] and shares[-2:] == [4, 4]


@pytest.mark.parametrize("where", [0, 4])
def test_an_error_is_raised_once_no_thread_is_at_work_any_more(where):
    team, at_work = Workers(8, 2), threading.Event()

    def work(low, high):
        if low == where:
            raise ValueError("this share")
        at_work.set()
        time.sleep(0.05)
        at_work.clear()

    team.number = 2
    with pytest.raises(ValueError, match="this share"):
        team(work)
    assert not at_work.is_set()
    team.close()
