"""What a scheduler has to know of a run, and how a run is made in parts where a queue limits the time of a job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.settings import to_dict
from workflow.scripts.schema import Asked, Resources

MARGIN_S = 300  # of a job: to start and to write the checkpoint; half of the job where the limit is below ten minutes


@dataclass(frozen=True)
class Job:
    """Memory in MB, wall clock of the whole run in minutes, cores (0: all), GPUs, and minutes that a job may take.

    Where there is such a `time_limit`, a run stops by itself before it, with a checkpoint, and goes on in another job.
    """

    mem_mb: int
    runtime: int
    threads: int
    gpu: int
    time_limit: int | None

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


def job(
    asked: Asked, resources: Resources | None, config: RunConfig | StemConfig | CopyConfig | ComplexityConfig
) -> Job:
    """The job of one run: `resources` of its study or else of the scale, the rest from the other settings."""
    memory_and_time = to_dict(resources or asked.scale.resources)
    gpu = int(config.device == "cuda")
    return Job(**memory_and_time, threads=config.threads, gpu=gpu, time_limit=asked.workflow.time_limit)
