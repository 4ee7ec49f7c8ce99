"""What a scheduler has to know of a run, and how a run is made in parts where a queue limits the time of a job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rtrl_bench.runs.asked import Resources
from rtrl_bench.runs.settings import to_dict

MARGIN_S = 300  # of a job: to start and to write the checkpoint; half of the job where the limit is below ten minutes


@dataclass(frozen=True)
class Job:
    """Memory in MB, wall clock of the whole run in minutes, cores (0: all), and minutes that a job may take.

    `gres`: the devices that SLURM is to give it, as text, so that the runs of a group share what one of them asks for.
    Where there is such a `time_limit`, a run stops by itself before it, with a checkpoint, and goes on in another job.
    `shared`: with the other seeds of the same setting.
    """

    mem_mb: int
    runtime: int
    threads: int
    gres: str
    time_limit: int | None
    shared: bool = False

    @property
    def minutes(self) -> int:
        """Wall clock of one job, in minutes."""
        return self.runtime if self.time_limit is None else min(self.runtime, self.time_limit)

    @property
    def stop_s(self) -> int:
        """Seconds after which the run stops by itself; 0: never."""
        seconds = 60 * self.minutes
        return 0 if self.time_limit is None else max(seconds - MARGIN_S, seconds // 2)

    @property
    def parts(self) -> int:
        """How many jobs give a run its whole `runtime`."""
        return -(-60 * self.runtime // self.stop_s) if self.stop_s else 1


def retries(jobs: Iterable[Job]) -> int | None:
    """How often a run is submitted again to have its `runtime`; None, where one job is enough, leaves --retries."""
    return max((job.parts for job in jobs), default=1) - 1 or None


def job(resources: Resources, settings: Any, time_limit: int | None, shared: bool) -> Job:
    """The job of one run: what it asks a scheduler for, and what its settings say."""
    gres = "gpu:1" if settings.device == "cuda" else ""
    return Job(**to_dict(resources), threads=settings.threads, gres=gres, time_limit=time_limit, shared=shared)
