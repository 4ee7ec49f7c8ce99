"""What `make reproduce` shows: from time to time the jobs done and the time left; warnings and errors.

A logger plugin of Snakemake, found on PYTHONPATH by its name: `PYTHONPATH=workflow/logger snakemake --logger eta`.
The estimates come with a record that the workflow logs when it starts (workflow/scripts/estimates.py).
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
import time
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from .time_left import TimeLeft, describe

TICK_S = 1.0  # how often the other thread looks
PAUSE_S = 10.0  # between two lines, at least
SHARE_OF_REST = 0.02  # between two lines, of the time that is left, where that is longer
NOTHING_TO_DO = "Nothing to be done"  # how the message begins that has no event of its own


class LogHandler(LogHandlerBase):
    """Writes to stderr. Snakemake calls `emit` in a thread of its own; another one looks at the clock."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = False  # Snakemake's own, for warnings and errors
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._runs: dict[str, float] = {}  # estimated core seconds by folder, and of one job by rule
        self._rules: dict[str, float] = {}
        self._report = Path()
        self._cores = 1
        self._left: TimeLeft | None = None
        self._done = self._jobs = 0
        self._complete = False
        self._line, self._next_line = "", -math.inf
        self._closing = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take in what happened; warnings and errors are written at once."""
        fields = vars(record)
        event = fields.get("event")
        if event is None:
            self._message(fields)
        elif event == LogEvent.RESOURCES_INFO:
            self._cores = fields.get("cores", self._cores)
        elif event == LogEvent.RUN_INFO:
            self._start(fields["stats"])
        elif event == LogEvent.PROGRESS:
            self._done, self._jobs = fields["done"], fields["total"]
            self._complete = self._done == self._jobs
        elif self._left is not None and event == LogEvent.JOB_INFO:
            self._left.start(fields["jobid"], self._estimate(fields), fields["threads"])
        elif self._left is not None and event == LogEvent.JOB_FINISHED:
            self._left.finish(fields["job_id"])
        elif self._left is not None and event == LogEvent.JOB_ERROR:
            self._left.fail(fields["jobid"])
        if record.levelno >= logging.WARNING:
            _print(self.format(record))

    def tell(self) -> None:
        """Write the jobs done and the time left, if it is time for such a line and it says something new."""
        self.acquire()
        try:
            if self._left is None or self._done == self._jobs or time.monotonic() < self._next_line:
                return
            seconds = self._left.seconds()
            self._next_line = time.monotonic() + max(PAUSE_S, SHARE_OF_REST * seconds)
            rest = f", about {describe(seconds)} left" if self._rules else ""
            line = f"{self._done} of {self._jobs} jobs done{rest}"
            if line != self._line:
                _print(f"{time.strftime('%H:%M')} {line}")
                self._line = line
        finally:
            self.release()

    def close(self) -> None:
        """Say where the report is, if everything was done."""
        self._closing.set()
        if self._complete and self._report.is_file():
            _print(f"report: {self._report.absolute()}")
            self._complete = False  # Snakemake closes a logger more than once
        super().close()

    def _message(self, fields: dict[str, Any]) -> None:
        if "estimates" in fields:
            self._report = Path(fields["report"])
            if fields["estimates"] is not None:
                self._runs, self._rules = fields["estimates"]["runs"], fields["estimates"]["rules"]
        elif str(fields["msg"]).startswith(NOTHING_TO_DO):
            self._complete = True
            _print(fields["msg"])

    def _start(self, jobs_of: dict[str, int]) -> None:
        work = sum(self._runs.values()) + sum(jobs_of.get(rule, 0) * each for rule, each in self._rules.items())
        self._jobs = jobs_of["total"]
        self._left = TimeLeft(work, self._cores, time.monotonic)

    def _estimate(self, fields: dict[str, Any]) -> float:
        rule, folder = fields["rule_name"], fields["wildcards"].get("folder")
        return self._rules[rule] if rule in self._rules else self._runs.get(folder, 0.0)

    def _watch(self) -> None:
        while not self._closing.wait(TICK_S):
            self.tell()


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody may read it any more; the work goes on
        print(text, file=sys.stderr, flush=True)
