"""Work on slots shared among threads, of which as many work as pay."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

TRIES = 5  # calls that each number of threads is tried for


class Workers:
    """Calls work(low, high) for shares of `count` slots in up to `threads` threads, the caller's own among them.

    To wake a thread can take longer than its share of the work: by 16 threads, on 16 cores of a virtual machine, a step
    of 32 slots took 3.2 ms, where one core of another machine takes 1.4. So the first calls try 1, 2, 4, ... threads in
    turns, and the fastest number stays. What is computed must not depend on the shares.
    """

    def __init__(self, count: int, threads: int):
        most = min(threads, count)
        numbers = [*(2**k for k in range((most - 1).bit_length())), most]
        self._seconds: dict[int, list[float]] = {number: [] for number in numbers}
        edges = {n: [count * k // n for k in range(n + 1)] for n in numbers}
        self._shares = {n: list(itertools.pairwise(edges[n])) for n in numbers}
        self._pool = ThreadPoolExecutor(most - 1) if most > 1 else None
        self.number = None if self._pool else 1  # of threads that work; None while it is being found

    def __call__(self, work: Callable[[int, int], None]) -> None:
        """Have all shares done; raises what one of them raises, once no thread is at work any more."""
        number = self.number or min(self._seconds, key=lambda n: len(self._seconds[n]))
        began = time.perf_counter()
        self._run(self._shares[number], work)
        if self.number is None:
            self._seconds[number].append(time.perf_counter() - began)
            if all(len(seconds) >= TRIES for seconds in self._seconds.values()):
                self.number = min(self._seconds, key=lambda n: statistics.median(self._seconds[n]))

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _run(self, shares: list[tuple[int, int]], work: Callable[[int, int], None]) -> None:
        own, *others = shares
        waiting = [self._pool.submit(work, *share) for share in others] if self._pool else []
        try:
            work(*own)
        finally:
            wait(waiting)
        for done in waiting:
            done.result()
