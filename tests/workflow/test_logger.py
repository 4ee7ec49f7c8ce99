"""What `make reproduce` shows while Snakemake works."""

from __future__ import annotations

import logging
import re
import threading

import pytest
import snakemake_logger_plugin_eta as eta
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

ESTIMATES = {"runs": {"runs/a": 600.0, "runs/b": 600.0}, "rules": {"film": 60.0, "report": 30.0}}


class TestContract(TestLogHandlerBase):
    """Snakemake's own tests of a logger plugin."""

    __test__ = True

    def get_log_handler_cls(self):
        return eta.LogHandler

    def get_log_handler_settings(self):
        return None

    def _create_handler(self):
        self._made = super()._create_handler()
        return self._made

    def teardown_method(self):
        self._made.close()


@pytest.fixture
def handler(monkeypatch):
    monkeypatch.setattr(eta, "TICK_S", 1000.0)  # it tells when the test wants
    made = eta.LogHandler(MockOutputSettings(), None)
    yield made
    made.close()


def _tell(handler, event=None, message="", level=logging.INFO, **fields):
    record = logging.LogRecord("snakemake", level, "", 1, message, (), None)
    vars(record).update(fields if event is None else {"event": event, **fields})
    handler.handle(record)


def _start(handler, estimates):
    _tell(handler, estimates=estimates, report="results/here/index.html")
    _tell(handler, LogEvent.RESOURCES_INFO, cores=2)
    _tell(handler, LogEvent.RUN_INFO, stats={"train": 2, "film": 1, "report": 1, "total": 4})


def test_a_line_tells_the_jobs_and_the_time_that_is_left(handler, capsys):
    _start(handler, ESTIMATES)
    handler.tell()
    assert re.fullmatch(r"\d\d:\d\d 0 of 4 jobs done, about 11 min left\n", capsys.readouterr().err)


def test_the_next_line_waits(handler, capsys):
    _start(handler, ESTIMATES)
    handler.tell()
    handler.tell()
    assert capsys.readouterr().err.count("\n") == 1


def test_the_film_of_a_run_is_not_taken_for_the_run(handler, capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(eta.time, "monotonic", lambda: now[0])
    _start(handler, ESTIMATES)
    _tell(handler, LogEvent.JOB_INFO, jobid=7, rule_name="film", wildcards={"folder": "runs/a"}, threads=1)
    now[0] = 60.0
    _tell(handler, LogEvent.JOB_FINISHED, job_id=7)
    handler.tell()
    assert "about 10 min left" in capsys.readouterr().err


def test_a_line_that_says_nothing_new_is_not_written(handler, capsys, monkeypatch):
    monkeypatch.setattr(eta, "PAUSE_S", 0.0)
    monkeypatch.setattr(eta, "SHARE_OF_REST", 0.0)
    _start(handler, ESTIMATES)
    handler.tell()
    handler.tell()
    _tell(handler, LogEvent.PROGRESS, done=1, total=4)
    handler.tell()
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["0", "1"]


def test_without_a_plan_the_time_is_not_told(handler, capsys):
    _start(handler, None)
    handler.tell()
    assert re.fullmatch(r"\d\d:\d\d 0 of 4 jobs done\n", capsys.readouterr().err)


def test_a_finished_run_takes_its_estimate_away(handler, capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(eta.time, "monotonic", lambda: now[0])
    _start(handler, ESTIMATES)
    _tell(handler, LogEvent.JOB_INFO, jobid=7, rule_name="train", wildcards={"folder": "runs/a"}, threads=1)
    now[0] = 600.0
    _tell(handler, LogEvent.JOB_FINISHED, job_id=7)
    _tell(handler, LogEvent.PROGRESS, done=1, total=4)
    handler.tell()
    assert "1 of 4 jobs done, about 6 min left" in capsys.readouterr().err  # 690 core seconds


def test_the_clock_is_watched(monkeypatch, capsys):
    monkeypatch.setattr(eta, "TICK_S", 0.01)
    told = threading.Event()
    monkeypatch.setattr(eta.LogHandler, "tell", lambda handler: told.set())
    made = eta.LogHandler(MockOutputSettings(), None)
    assert told.wait(10)
    made.close()


def test_warnings_and_errors_are_shown_and_other_messages_are_not(handler, capsys):
    _tell(handler, message="Building DAG of jobs...")
    _tell(handler, message="a warning", level=logging.WARNING)
    _tell(handler, LogEvent.ERROR, message="an error", level=logging.ERROR)
    assert capsys.readouterr().err == "a warning\nan error\n"


def test_a_terminal_that_is_gone_ends_nothing(handler, monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    _tell(handler, message="a warning", level=logging.WARNING)


@pytest.fixture
def reproduce(project, monkeypatch):
    """The command of `make reproduce`, in a project of which all was done before."""
    monkeypatch.setenv("PYTHONPATH", str(project.root / "workflow/logger"))
    return lambda: project.snakemake("--logger", "eta", "--keep-going", "all")


def test_at_the_end_the_report_is_named(reproduce, project):
    report = project.root / "results/tiny/report/index.html"
    report.unlink()
    done = reproduce()
    assert done.returncode == 0
    assert done.stderr.endswith(f"report: {report}\n")
    assert "rule report" not in done.stderr


def test_where_nothing_is_left_to_do_the_report_is_named_too(reproduce, project):
    done = reproduce()
    assert "Nothing to be done" in done.stderr
    assert done.stderr.endswith(f"report: {project.root}/results/tiny/report/index.html\n")


def test_after_a_failure_the_failed_job_is_named_and_no_report(reproduce, project):
    (project.root / "results/tiny/report/index.html").unlink()
    (project.root / "analysis/report.py").write_text("raise SystemExit('no colour is left')")
    done = reproduce()
    assert done.returncode == 1
    assert "no colour is left" in done.stderr
    assert "Error in rule report" in done.stderr
    assert "report: /" not in done.stderr
