"""The time that is left of a workflow, from estimates of its jobs and from how long the finished ones took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PRIOR = 0.05  # of all work: how much of it has to be finished for its speed to count as much as the estimates do


@dataclass
class _Job:
    estimate: float
    cores: int
    began: float


class TimeLeft:
    """`work`: core seconds of all jobs together, as estimated; `cores` work at once; `clock` gives seconds."""

    def __init__(self, work: float, cores: int, clock: Callable[[], float]):
        self._work, self._cores, self._clock = work, cores, clock
        self._running: dict[int, _Job] = {}
        self._finished_estimate = self._finished_actual = 0.0

    def start(self, job: int, estimate: float, cores: int) -> None:
        """The job, by its number, with its estimated core seconds and the cores it has."""
        self._running[job] = _Job(estimate, cores, self._clock())

    def finish(self, job: int) -> None:
        """The job has ended well; it tells how good the estimates are."""
        if (done := self._running.pop(job, None)) is not None and done.estimate:
            self._finished_estimate += done.estimate
            self._finished_actual += (self._clock() - done.began) * done.cores

    def fail(self, job: int) -> None:
        """The job has ended without its result. It may start again."""
        self._running.pop(job, None)

    def seconds(self) -> float:
        """Wall clock that is left."""
        prior = PRIOR * self._work
        # Above 1 where jobs take longer than estimated.
        slowness = (self._finished_actual + prior) / (self._finished_estimate + prior) if prior else 1.0
        now = self._clock()
        left = (self._work - self._finished_estimate) * slowness
        longest = 0.0
        for job in self._running.values():
            whole, spent = job.estimate * slowness, (now - job.began) * job.cores
            left -= min(spent, whole)
            longest = max(longest, (whole - spent) / job.cores)
        return max(left / self._cores, longest, 0.0)


def describe(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 5 min`."""
    if seconds < 90:
        return f"{max(5 * round(seconds / 5), 5)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
